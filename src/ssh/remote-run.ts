import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { EXIT, type ExitCode, messageOf, UserError } from '../errors.ts';
import {
  ADDRESSES_COMMAND,
  type HostAddress,
  parseAddresses,
  parseSource,
  routeCommand,
} from '../host/network.ts';
import { HOST_STATE_SCRIPT, type HostState, hostStateIn, UNTIL_IDLE_SCRIPT } from './host-state.ts';
import { collect, privileged, type Runner } from './runner.ts';
import { type Executable, upload } from './upload.ts';

/** A line longer than this from the other side is not one of our events. */
const MAX_LINE_BYTES = 256 * 1024;
/** A kadm that sets up a master says about 100 KiB. */
const MAX_STDOUT_BYTES = 32 * 1024 * 1024;
const MAX_LINES = 100_000;
const MAX_STDERR_BYTES = 4 * 1024 * 1024;
const KEPT_STDERR_BYTES = 16 * 1024;
const STDERR_LINES = 10;
/** For how long a run that is at work on the host already may go on: most end within a minute. */
const BUSY_TIMEOUT_MS = 5 * 60_000;
const ROUTE_TIMEOUT_MS = 30_000;
const ENDLESS = 'the remote kadm does not stop talking';
/** Where the installed executable is, and what a host without one gets for the time of the run. */
const INSTALLED = '/usr/local/bin/kadm';

export interface RemoteRunOptions {
  readonly argv: readonly string[];
  /**
   * Given to the remote command on its standard input: configuration and secrets travel here. A command
   * that ends with its input is fed from a stream.
   */
  readonly input: string | Readable;
  readonly timeoutMs: number;
  /** Each line of standard output. Throws to end the run. */
  readonly onLine: (line: string) => void;
}

/** kadm on a host at the other end of a connection: the same executable, put there unless it is there already. */
export class RemoteKadm {
  readonly #root: Runner;
  readonly #path: string;
  /** The folder in which it is, when it goes again. */
  readonly #temporary: string | undefined;

  /** What the host was before. */
  readonly state: HostState;

  private constructor(root: Runner, path: string, state: HostState, temporary?: string) {
    this.#root = root;
    this.#path = path;
    this.state = state;
    this.#temporary = temporary;
  }

  /**
   * @param root commands as root there
   * @param nearby URL of a component server from which the host may get it instead of over this connection
   */
  static async place(
    root: Runner,
    executable: Executable,
    progress: (message: string) => void,
    nearby?: () => Promise<string>,
  ): Promise<RemoteKadm> {
    const { sha256, ...state } = await lookOnceIdle(root, progress);
    if (sha256 === executable.sha256) return new RemoteKadm(root, INSTALLED, state);
    const path = await upload(root, executable, progress, nearby);
    return new RemoteKadm(root, path, state, dirname(path));
  }

  /** @returns the exit code and the last lines of standard error */
  async run(options: RemoteRunOptions): Promise<{ exitCode: number; stderr: string }> {
    return await runThere(this.#root, [this.#path, ...options.argv], options);
  }

  /** @throws UserError where the host has no `ip` */
  async addresses(): Promise<HostAddress[]> {
    const said = await privileged(this.#root, ADDRESSES_COMMAND);
    return parseAddresses(/^\[.*$/ms.exec(said)?.[0] ?? '[]');
  }

  /** The address from which the host would send to another; undefined without a route. */
  async addressTowards(destination: string): Promise<string | undefined> {
    const bound = { timeoutMs: ROUTE_TIMEOUT_MS };
    const { stdout, exitCode } = await this.#root.exec(routeCommand(destination), bound);
    return exitCode === 0 ? parseSource(/^\[.*$/ms.exec(stdout)?.[0] ?? '[]') : undefined;
  }

  /** Leaves nothing there that was only for the time of the connection. */
  async remove(): Promise<void> {
    if (this.#temporary === undefined) return;
    await privileged(this.#root, ['rm', '-rf', this.#temporary]).catch(() => {});
  }
}

/**
 * What a host is. Where a run is still at work, of which somebody lost sight, it is what that leaves: this run would
 * only be refused. One that does not end is told of by the refusal.
 */
async function lookOnceIdle(
  root: Runner,
  progress: (message: string) => void,
): Promise<ReturnType<typeof hostStateIn>> {
  const found = await lookAt(root);
  if (found.busy === undefined) return found;
  progress(`waiting for another kadm there: ${found.busy}`);
  const argv = ['sh', '-c', UNTIL_IDLE_SCRIPT, 'wait', String(BUSY_TIMEOUT_MS / 1000)];
  await privileged(root, argv, { timeoutMs: BUSY_TIMEOUT_MS + 30_000 });
  return await lookAt(root);
}

/** What of kadm is on the host, in one round trip. */
async function lookAt(root: Runner): Promise<ReturnType<typeof hostStateIn>> {
  const before = Date.now();
  const said = await privileged(root, ['sh', '-c', HOST_STATE_SCRIPT, 'look', INSTALLED]);
  return hostStateIn(said, (before + Date.now()) / 2);
}

async function runThere(
  root: Runner,
  argv: readonly string[],
  options: RemoteRunOptions,
): Promise<{ exitCode: number; stderr: string }> {
  const remote = await root.start(argv);
  if (typeof options.input === 'string') remote.stdin.end(options.input);
  else {
    // Input that breaks off ends the command, which then has less than it needs.
    options.input.on('error', () => remote.stdin.end());
    options.input.pipe(remote.stdin);
  }
  const overrun = setTimeout(
    () => root.abandon(`${argv[1]} did not end within ${options.timeoutMs / 60_000} minutes`),
    options.timeoutMs,
  );
  const stderr = collect(remote.stderr, KEPT_STDERR_BYTES);
  let complained = 0;
  remote.stderr.on('data', (piece: Buffer) => {
    complained += piece.length;
    if (complained > MAX_STDERR_BYTES) root.abandon(ENDLESS);
  });
  try {
    for await (const line of boundedLines(remote.stdout)) options.onLine(line);
    const exitCode = await remote.exit;
    return { exitCode, stderr: stderr().trim().split('\n').slice(-STDERR_LINES).join('\n') };
  } catch (error) {
    // What is not read any more would stand in its way for ever.
    root.abandon(messageOf(error));
    throw error;
  } finally {
    clearTimeout(overrun);
  }
}

/** Lines of a stream that somebody else controls. @throws UserError for more than a kadm ever says */
async function* boundedLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let [total, count] = [0, 0];
  for await (const chunk of stream) {
    total += chunk.length;
    rest += decoder.write(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    count += lines.length;
    if (total > MAX_STDOUT_BYTES || count > MAX_LINES) throw new UserError(ENDLESS);
    yield* lines;
    if (rest.length > MAX_LINE_BYTES) throw new UserError('the remote kadm sent a line that never ends');
  }
  if (rest !== '') yield rest;
}

/** The exit code of a remote kadm, as one of ours. */
export function exitCodeFrom(code: number): ExitCode {
  return Object.values(EXIT).find((one) => one === code) ?? EXIT.failed;
}
