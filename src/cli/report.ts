import { EXIT, type ExitCode, UserError } from '../errors.ts';
import { printable } from './printable.ts';
import type { OutputFormat } from './renderer.ts';

/** Prints an error for a person and returns the exit code that goes with it. */
export function report(error: unknown, format: OutputFormat): ExitCode {
  if (error instanceof UserError) {
    if (format === 'text') {
      process.stderr.write(`kadm: ${printable(error.message)}\n`);
      if (error.remedy !== undefined) process.stderr.write(`      ${printable(error.remedy)}\n`);
    }
    return error.exitCode;
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`kadm: a bug of kadm, please report it with these lines:\n${printable(stack)}\n`);
  return EXIT.failed;
}
