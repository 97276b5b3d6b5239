import { spawn } from 'node:child_process';

/** How long tests have to end after they were interrupted. */
const GRACE_MS = 20_000;
const NOT_STARTED = 127;

/**
 * Runs programs one after the other with this process's output. On SIGINT or SIGTERM the one that runs, with
 * all that it started, is interrupted, and killed when it is not gone in time.
 */
export class CommandRunner {
  readonly #interrupt = new AbortController();

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.#interrupt.abort());
  }

  get interrupted(): boolean {
    return this.#interrupt.signal.aborted;
  }

  /** The exit code of a program. */
  async run(argv: readonly string[]): Promise<number> {
    return await start(argv, this.#interrupt.signal);
  }

  /** The same for what is to be done in any case: an interruption does not end it. */
  async cleanUp(argv: readonly string[]): Promise<number> {
    return await start(argv, undefined);
  }
}

function start(argv: readonly string[], signal: AbortSignal | undefined): Promise<number> {
  const [program = '', ...args] = argv;
  process.stdout.write(`\n$ ${argv.join(' ')}\n`);
  return new Promise((resolve) => {
    // A process group of its own: Ctrl-C reaches it through this process only, and nothing of it is left.
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], detached: true });
    const kill = (name: NodeJS.Signals): void => endGroup(child.pid, name);
    let timer: NodeJS.Timeout | undefined;
    const stop = (): void => {
      kill('SIGINT');
      timer = setTimeout(() => kill('SIGKILL'), GRACE_MS);
    };
    signal?.addEventListener('abort', stop, { once: true });
    const end = (code: number): void => {
      signal?.removeEventListener('abort', stop);
      clearTimeout(timer);
      resolve(code);
    };
    child.once('error', (error) => {
      process.stderr.write(`${program}: ${error.message}\n`);
      end(NOT_STARTED);
    });
    child.once('exit', (code) => {
      if (signal?.aborted) kill('SIGKILL');
      end(code ?? 1);
    });
  });
}

function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself meanwhile.
  }
}
