import { EXIT, messageOf, UserError } from '../errors.ts';
import type { Emit } from '../phases/events.ts';
import type { Questions } from '../ssh/questions.ts';
import { questionsAt } from './questions.ts';
import { type OutputFormat, rendererFor } from './renderer.ts';
import { report } from './report.ts';

export interface VerbRun {
  readonly emit: Emit;
  /** Aborted by SIGINT or SIGTERM: the running phases stop between their steps. */
  readonly signal: AbortSignal;
  /** The person at the terminal, if there is one. */
  readonly questions: Questions;
}

/**
 * Runs a verb: shows its events, turns signals into an abort, prints what went wrong and sets the exit code.
 * @param options.tree false for a verb that prints while it works
 * @param verb resolves with text for a person (shown after the tree, not with `--output json`)
 */
export async function runVerb(
  format: OutputFormat,
  verb: (run: VerbRun) => Promise<string | undefined>,
  options: { readonly tree?: boolean } = {},
): Promise<void> {
  const renderer = await rendererFor(format, options.tree);
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort(new UserError('interrupted', { exitCode: EXIT.interrupted }));
  // Not `once`: without a listener left the next signal would end this process at once, without a word.
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const text = await verb({
      emit: (event) => renderer.emit(event),
      signal: interrupt.signal,
      questions: questionsAt(renderer),
    });
    // A program that reads along knows by it that nothing was cut off.
    if (format === 'json') renderer.emit({ type: 'finished', path: [], ms: sinceStart() });
    await renderer.end();
    if (text !== undefined && format === 'text') process.stdout.write(`${text}\n`);
  } catch (error) {
    if (format === 'json') renderer.emit(failureEvent(error));
    await renderer.end();
    process.exitCode = report(error, format);
    // Hosts that were left in the middle each have an error of their own.
    if (interrupt.signal.aborted) process.exitCode = EXIT.interrupted;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

function failureEvent(error: unknown): Parameters<Emit>[0] {
  const remedy = error instanceof UserError && error.remedy !== undefined ? { remedy: error.remedy } : {};
  return {
    type: 'failed',
    path: [],
    ms: sinceStart(),
    message: messageOf(error),
    ...remedy,
  };
}

/** A warning of the whole run. */
export function warn(emit: Emit, message: string): void {
  emit({ type: 'warning', path: [], message });
}

/** Milliseconds since this process began. */
function sinceStart(): number {
  return Math.round(performance.now());
}
