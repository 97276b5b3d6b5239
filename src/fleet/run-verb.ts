import { hostname } from 'node:os';
import type { Readable } from 'node:stream';
import { AGENT_SETTINGS } from '../agent/paths.ts';
import { readAgentSettings } from '../agent/settings.ts';
import { UserError } from '../errors.ts';
import { runCommand } from '../host/command.ts';
import { LocalHost } from '../host/host.ts';
import { ADDRESSES_COMMAND, addressTowards, type HostAddress, parseAddresses } from '../host/network.ts';
import { type Emit, type Event, eventSchema } from '../phases/events.ts';
import { Ledger } from '../phases/ledger.ts';
import { ConnectionLost } from '../ssh/connection.ts';
import type { Connector } from '../ssh/connector.ts';
import { type HostState, PRODUCT_UUID_FILE } from '../ssh/host-state.ts';
import { asRoot } from '../ssh/privilege.ts';
import { exitCodeFrom, RemoteKadm } from '../ssh/remote-run.ts';
import type { SshTarget } from '../ssh/target.ts';
import type { Executable } from '../ssh/upload.ts';

const VERB_TIMEOUT_MS = 15 * 60_000;
/** How often a host is connected to when the connection is lost before the verb was started. */
const ATTEMPTS = 3;

export interface Verb {
  /** The verb and its flags; nothing secret: others on the host can read it. */
  readonly argv: readonly string[];
  /** Configuration on standard input, secrets included. */
  readonly input: string | Readable;
  readonly emit: Emit;
  /** 15 minutes when left out. */
  readonly timeoutMs?: number;
}

/** kadm on one host, where its verbs run as if somebody had typed them there. */
export interface HostSession {
  readonly name: string;
  /** What the host was before this session. */
  readonly state: HostState;
  addresses(): Promise<HostAddress[]>;
  /** The address from which it would send to another one; undefined without a route. */
  addressTowards(destination: string): Promise<string | undefined>;
  /**
   * @returns what its result events held
   * @throws UserError with the failure's own words, remedy and exit code
   */
  run(verb: Verb): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export interface RemoteOptions {
  readonly connector: Connector;
  readonly executable: Executable;
  /** URL of a component server that has the executable, for hosts that can reach it. */
  readonly nearby?: () => Promise<string>;
}

/**
 * Connects, and puts kadm there. A connection that is lost meanwhile is made anew, and what was sent is kept.
 * @throws UserError: unreachable, host key unknown or changed, not let in
 */
export async function openSession(
  target: SshTarget,
  options: RemoteOptions,
  progress: (message: string) => void,
): Promise<HostSession> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await openSessionOnce(target, options, progress);
    } catch (error) {
      if (!(error instanceof ConnectionLost) || attempt === ATTEMPTS) throw error;
      progress(`${error.message}; connecting again`);
    }
  }
}

async function openSessionOnce(
  target: SshTarget,
  { connector, executable, nearby }: RemoteOptions,
  progress: (message: string) => void,
): Promise<HostSession> {
  const connection = await connector.open(target, progress);
  try {
    const root = await asRoot(connection, connector.credentials);
    const kadm = await RemoteKadm.place(root, executable, progress, nearby);
    return {
      name: target.name,
      state: kadm.state,
      addresses: () => kadm.addresses(),
      addressTowards: (destination) => kadm.addressTowards(destination),
      run: (verb) =>
        runVerb(target.name, verb, (argv, onLine) =>
          kadm.run({ argv, input: verb.input, timeoutMs: verb.timeoutMs ?? VERB_TIMEOUT_MS, onLine }),
        ),
      close: async () => {
        await kadm.remove();
        connection.close();
      },
    };
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** kadm on this host: the same, without SSH. */
export async function localSession(name: string, signal: AbortSignal): Promise<HostSession> {
  return {
    name,
    state: await ownState(),
    addresses: async () => parseAddresses((await runCommand(ADDRESSES_COMMAND)).stdout),
    addressTowards: (destination) => addressTowards(new LocalHost(), destination),
    run: (verb) =>
      runVerb(name, verb, (argv, onLine) =>
        runCommand([process.execPath, ...argv], {
          input: verb.input,
          timeoutMs: verb.timeoutMs ?? VERB_TIMEOUT_MS,
          allowFailure: true,
          onLine,
          signal,
        }),
      ),
    close: async () => {},
  };
}

async function ownState(): Promise<HostState> {
  const host = new LocalHost();
  const { completed, begun } = await Ledger.open(host);
  return {
    hostname: hostname(),
    machineId: (await host.readFile('/etc/machine-id'))?.toString('utf8').trim(),
    productUuid: (await host.readFile(PRODUCT_UUID_FILE))?.toString('utf8').trim(),
    clockOffsetMs: 0,
    completed,
    begun: begun !== undefined,
    busy: undefined,
    node: await ownNode(),
  };
}

async function ownNode(): Promise<HostState['node']> {
  try {
    const { nodeName, server } = await readAgentSettings(AGENT_SETTINGS);
    return { name: nodeName, server };
  } catch {
    // No node yet, or one half made.
    return undefined;
  }
}

/** One verb on another host, with a connection of its own. */
export async function runVerbOnHost(
  target: SshTarget,
  options: RemoteOptions,
  verb: Verb,
): Promise<Record<string, unknown>> {
  const progress = (message: string): void => verb.emit({ type: 'progress', path: [], message });
  const session = await openSession(target, options, progress);
  try {
    return await session.run(verb);
  } finally {
    await session.close();
  }
}

async function runVerb(
  host: string,
  verb: Verb,
  run: (
    argv: readonly string[],
    onLine: (line: string) => void,
  ) => Promise<{ exitCode: number; stderr: string }>,
): Promise<Record<string, unknown>> {
  const seen = new RemoteEvents(host, verb.emit);
  const argv = [...verb.argv, '--output', 'json'];
  const { exitCode, stderr } = await run(argv, (line) => seen.take(line));
  if (exitCode !== 0) throw seen.failure(exitCode, stderr);
  return seen.result;
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
    // The end of the run there is that of one step here, which says so itself.
    if (event.type === 'finished' && event.path.length === 0) return;
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
