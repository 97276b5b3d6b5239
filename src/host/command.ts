import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { hasCode, messageOf, UserError } from '../errors.ts';

export interface RunOptions {
  /** Standard input; nothing when left out. */
  readonly input?: string | Uint8Array | Readable;
  /** Bound in milliseconds; 60,000 when left out. */
  readonly timeoutMs?: number;
  readonly cwd?: string;
  /** Added to this process's environment, in which programs speak English. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Resolve with the exit code instead of throwing when it is not 0. */
  readonly allowFailure?: boolean;
  /** Called with each line of output as it comes; the result then still holds everything. */
  readonly onLine?: (line: string) => void;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

const LAST_LINES = 12;
const DEFAULT_TIMEOUT_MS = 60_000;

/** A command that failed: carries what was run, how it ended, and the end of what it said. */
export class CommandError extends Error {
  readonly argv: readonly string[];
  readonly exitCode: number | undefined;
  readonly lastOutput: string;

  constructor(argv: readonly string[], outcome: string, exitCode: number | undefined, output: string) {
    const lastOutput = output.trim().split('\n').slice(-LAST_LINES).join('\n');
    super(`${argv.join(' ')}: ${outcome}${lastOutput === '' ? '' : `\n${lastOutput}`}`);
    this.name = 'CommandError';
    this.argv = argv;
    this.exitCode = exitCode;
    this.lastOutput = lastOutput;
  }
}

/**
 * Runs one program, given as argv and never as a shell string.
 * @throws CommandError when it exits with another code than 0 (unless allowFailure), is killed or overruns.
 * @throws UserError when the program is not installed.
 */
export async function runCommand(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program, ...args] = argv;
  if (program === undefined) throw new Error('runCommand: empty argv');
  const { input, signal, onLine } = options;
  const timeout = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const child = execa(program, args, {
    reject: false,
    stripFinalNewline: false,
    timeout,
    maxBuffer: 64 * 1024 * 1024,
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    // What they say is read here, and shown with what kadm says.
    env: { LC_ALL: 'C', ...options.env },
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  const timeUp = AbortSignal.timeout(timeout);
  hangUpAfter(child, signal === undefined ? timeUp : AbortSignal.any([timeUp, signal]));
  if (onLine !== undefined) {
    const tell = async (from: 'stdout' | 'stderr'): Promise<void> => {
      for await (const line of child.iterable({ from })) onLine(String(line));
    };
    await Promise.all([tell('stdout'), tell('stderr')]);
  }
  const result = await child;
  const { stdout, stderr } = { stdout: String(result.stdout ?? ''), stderr: String(result.stderr ?? '') };
  if (hasCode(result.cause, 'ENOENT') && result.exitCode === undefined) {
    throw new UserError(`${program} is not installed`, {
      remedy: `install the package that holds ${program}`,
    });
  }
  const outcome = result.timedOut
    ? `no end within ${timeout / 1000} s`
    : result.isCanceled
      ? 'interrupted'
      : result.exitCode === undefined
        ? `ended by ${result.signal ?? 'an error'}`
        : result.cause !== undefined
          ? messageOf(result.cause)
          : undefined;
  if (outcome === undefined && (result.exitCode === 0 || options.allowFailure === true)) {
    return { stdout, stderr, exitCode: result.exitCode ?? 0 };
  }
  throw new CommandError(argv, outcome ?? `exit ${result.exitCode}`, result.exitCode, `${stdout}${stderr}`);
}

/** What a program has started may hold its output open for ever: once it was to be over, nobody listens any more. */
function hangUpAfter(child: ChildProcess, end: AbortSignal): void {
  const hangUp = (): void => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  };
  const onEnd = (): void => {
    if (child.exitCode === null && child.signalCode === null) child.once('exit', hangUp);
    else hangUp();
  };
  end.addEventListener('abort', onEnd, { once: true });
  child.once('close', () => end.removeEventListener('abort', onEnd));
}
