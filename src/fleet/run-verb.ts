import { UserError } from '../errors.ts';
import { type Emit, type Event, eventSchema } from '../phases/events.ts';
import { type ConnectOptions, SshConnection } from '../ssh/connection.ts';
import { type Executable, exitCodeFrom, runRemote } from '../ssh/remote-run.ts';
import type { SshTarget } from '../ssh/target.ts';

const VERB_TIMEOUT_MS = 15 * 60_000;

export interface RemoteVerb {
  readonly target: SshTarget;
  readonly connect: ConnectOptions;
  readonly executable: Executable;
  /** The verb and its flags; nothing secret: others on the host can read it. */
  readonly argv: readonly string[];
  /** Configuration on standard input, secrets included. */
  readonly input: string;
  readonly emit: Emit;
}

/**
 * Runs a verb of kadm on another host, as if somebody had typed it there, and passes on its events.
 * @returns what its result events held
 * @throws UserError with the remote failure's own words, remedy and exit code
 */
export async function runVerbOnHost(verb: RemoteVerb): Promise<Record<string, unknown>> {
  const connection = await SshConnection.open(verb.target, verb.connect);
  const seen = new RemoteEvents(verb.target.name, verb.emit);
  try {
    const { exitCode, stderr } = await runRemote(connection, {
      executable: verb.executable,
      argv: [...verb.argv, '--output', 'json'],
      input: verb.input,
      timeoutMs: VERB_TIMEOUT_MS,
      onLine: (line) => seen.take(line),
      progress: (message) => verb.emit({ type: 'progress', path: [], message }),
    });
    if (exitCode !== 0) throw seen.failure(exitCode, stderr);
    return seen.result;
  } finally {
    connection.close();
  }
}

/** Reads the lines of a remote kadm: they come from another machine, so each is checked. */
class RemoteEvents {
  readonly #host: string;
  readonly #emit: Emit;
  #failed: Extract<Event, { type: 'failed' }> | undefined;
  result: Record<string, unknown> = {};

  constructor(host: string, emit: Emit) {
    this.#host = host;
    this.#emit = emit;
  }

  take(line: string): void {
    if (line.trim() === '') return;
    const event = parseEvent(line);
    // A login shell that prints a banner is no reason to stop.
    if (event === undefined) return;
    if (event.type === 'failed') {
      this.#failed = event;
      // The run's own failure becomes the error of this host: shown once, there.
      if (event.path.length === 0) return;
    }
    if (event.type === 'result') this.result = { ...this.result, ...event.result };
    this.#emit(event);
  }

  failure(exitCode: number, stderr: string): UserError {
    const { message, remedy } = this.#failed ?? {};
    return new UserError(`${this.#host}: ${message ?? `kadm ended with ${exitCode} there: ${stderr}`}`, {
      exitCode: exitCodeFrom(exitCode),
      ...(remedy === undefined ? {} : { remedy }),
    });
  }
}

function parseEvent(line: string): Event | undefined {
  try {
    const result = eventSchema.safeParse(JSON.parse(line));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}
