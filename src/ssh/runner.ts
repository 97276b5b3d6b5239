import type { Readable, Writable } from 'node:stream';
import { UserError } from '../errors.ts';
import { type Pieces, pour } from '../host/large-file.ts';
import type { SshTarget } from './target.ts';

const MAX_OUTPUT_BYTES = 1024 * 1024;
const COMMAND_TIMEOUT_MS = 30_000;

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** A running remote command. */
export interface RemoteProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The exit code; rejects with a UserError when the connection ends first. */
  readonly exit: Promise<number>;
}

/** Starts commands on another host, as one user of it. */
export abstract class Runner {
  abstract readonly target: SshTarget;

  /** Starts a command there. @throws UserError when the connection is gone */
  abstract start(argv: readonly string[]): Promise<RemoteProcess>;

  /** Ends the connection, and with it all that runs on it; `reason` is what waits for it then hears. */
  abstract abandon(reason: string): void;

  /**
   * Runs a command to its end and returns what it said, of each stream the last MiB at most.
   * @throws UserError when the connection ends, and when the command does not end in time
   */
  async exec(
    argv: readonly string[],
    options: { readonly input?: Pieces; readonly timeoutMs: number },
  ): Promise<ExecResult> {
    const { input, timeoutMs } = options;
    const late = `${argv[0]} did not end within ${timeoutMs / 1000} s`;
    const timer = setTimeout(() => this.abandon(late), timeoutMs);
    try {
      const remote = await this.start(argv);
      const stdout = collect(remote.stdout);
      const stderr = collect(remote.stderr);
      if (input === undefined) remote.stdin.end();
      // A command that ends before it has read everything is told by its exit code.
      else pour(input, remote.stdin).catch(() => {});
      const exitCode = await remote.exit;
      return { stdout: stdout(), stderr: stderr(), exitCode };
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * Runs a command that has to end well, within 30 s unless more is said.
 * @returns what it said
 * @throws UserError with the end of what it complained of
 */
export async function privileged(
  root: Runner,
  argv: readonly string[],
  options: { readonly input?: Pieces; readonly timeoutMs: number } = { timeoutMs: COMMAND_TIMEOUT_MS },
): Promise<string> {
  const { stdout, stderr, exitCode } = await root.exec(argv, options);
  if (exitCode === 0) return stdout;
  throw new UserError(
    `${root.target.name}: ${argv[0]} ended with ${exitCode}: ${stderr.trim().slice(-500)}`,
    { remedy: 'mend this on the host' },
  );
}

/**
 * A command line that sh, bash, fish and csh all read as these words. What only some of them would leave as it
 * is between single quotes goes through base64.
 */
export function commandLine(argv: readonly string[]): string {
  if (!argv.some((word) => /['\\!\n]/.test(word))) return argv.map(quote).join(' ');
  const script = Buffer.from(`exec ${argv.map(quote).join(' ')}`).toString('base64');
  return `sh -c 'eval "$(echo ${script} | base64 -d)"'`;
}

/** One word for a POSIX shell, whatever it holds. */
export function quote(word: string): string {
  // % is special to fish.
  return /^[A-Za-z0-9_./:=@+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The last bytes of a stream, kept in pieces: whatever comes, no more than about this is held. */
export function collect(stream: Readable, bound = MAX_OUTPUT_BYTES): () => string {
  const pieces: Buffer[] = [];
  let size = 0;
  stream.on('data', (piece: Buffer) => {
    pieces.push(piece);
    size += piece.length;
    while (pieces.length > 1 && size - (pieces[0]?.length ?? 0) >= bound) size -= pieces.shift()?.length ?? 0;
  });
  return () => Buffer.concat(pieces).subarray(-bound).toString('utf8');
}
