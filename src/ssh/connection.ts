import type { Readable, Writable } from 'node:stream';
import ssh2, { type Client, type ClientChannel, type ConnectConfig } from 'ssh2';
import { messageOf, UserError } from '../errors.ts';
import { type Pieces, pour } from '../host/large-file.ts';
import { hostKeyOrder, readKnownHosts, readOptional, verifyHostKey } from './host-key.ts';
import { knownHostName, knownKeyTypes } from './known-hosts.ts';
import type { SshTarget } from './target.ts';

const CONNECT_TIMEOUT_MS = 20_000;
/** A dead peer is noticed after KEEPALIVE_MS * KEEPALIVE_COUNT. */
const KEEPALIVE_MS = 5_000;
const KEEPALIVE_COUNT = 5;
const MAX_OUTPUT_BYTES = 1024 * 1024;

export interface ConnectOptions {
  /** Accept and remember the key of a host that known_hosts does not list. A changed key is always refused. */
  readonly acceptNewHostKeys: boolean;
  readonly signal?: AbortSignal;
}

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

/** An SSH connection to one host, whose key was verified. Every operation is bounded. */
export class SshConnection {
  readonly target: SshTarget;
  readonly #client: Client;
  readonly #closed: Promise<never>;

  private constructor(target: SshTarget, client: Client) {
    this.target = target;
    this.#client = client;
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => {});
    this.#closed = lost.promise;
    let reason = 'closed by the other side';
    client.on('error', (error) => {
      reason = error.message;
    });
    // ssh2 does not always report an error before a connection is gone; close always comes.
    client.on('close', () => lost.reject(connectionLost(target, reason)));
  }

  /** @throws UserError: unreachable, host key unknown or changed, not let in. */
  static async open(target: SshTarget, options: ConnectOptions): Promise<SshConnection> {
    const known = await readKnownHosts(target.knownHostsFiles);
    const keys = await readIdentities(target.identityFiles);
    const client = new ssh2.Client();
    const refused: { error?: UserError } = {};
    const ready = new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.once('error', (error) => reject(refused.error ?? connectFailure(target, error)));
      client.once('close', () => reject(refused.error ?? connectionLost(target, 'closed while connecting')));
      options.signal?.addEventListener('abort', () => client.destroy(), { once: true });
    });
    client.connect({
      host: target.host,
      port: target.port,
      username: target.user,
      readyTimeout: CONNECT_TIMEOUT_MS,
      keepaliveInterval: KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVE_COUNT,
      algorithms: {
        serverHostKey: hostKeyOrder(knownKeyTypes(known, knownHostName(target.host, target.port))),
      },
      authHandler: authentication(target, keys) as never,
      hostVerifier: (key: Buffer, answer: (accepted: boolean) => void) => {
        verifyHostKey(target, known, key, options).then(
          () => answer(true),
          (error: unknown) => {
            refused.error = error instanceof UserError ? error : new UserError(messageOf(error));
            answer(false);
          },
        );
      },
    } satisfies ConnectConfig);
    try {
      await ready;
    } catch (error) {
      client.destroy();
      throw error;
    }
    return new SshConnection(target, client);
  }

  /** Starts a command on the host. It goes through the user's login shell there, so each word is quoted. */
  async start(argv: readonly string[]): Promise<RemoteProcess> {
    const command = argv.map(quote).join(' ');
    const opened = new Promise<RemoteProcess>((resolve, reject) => {
      this.#client.exec(command, (error, channel) => {
        if (error !== undefined) return reject(error);
        // Listened to within this call: what comes in the same packet is told before any promise goes on.
        resolve(this.#process(channel));
      });
    });
    return await Promise.race([opened, this.#closed]);
  }

  #process(channel: ClientChannel): RemoteProcess {
    const exited = new Promise<number>((resolve) => {
      let code = 255;
      channel.on('exit', (status: number | null) => {
        code = status ?? 255;
      });
      channel.on('close', () => resolve(code));
    });
    // A command that ends before it has read all its input is told by its exit code, not by this error.
    channel.on('error', () => {});
    const exit = Promise.race([exited, this.#closed]);
    exit.catch(() => {});
    return { stdin: channel, stdout: channel, stderr: channel.stderr, exit };
  }

  /** Runs a command to its end and returns what it said, of each stream the last MiB at most. */
  async exec(argv: readonly string[], options: { input?: Pieces; timeoutMs: number }): Promise<ExecResult> {
    const remote = await this.start(argv);
    const stdout = collect(remote.stdout);
    const stderr = collect(remote.stderr);
    if (options.input === undefined) remote.stdin.end();
    // A command that ends before it has read everything is told by its exit code.
    else pour(options.input, remote.stdin).catch(() => {});
    const timer = setTimeout(() => this.#client.destroy(), options.timeoutMs);
    try {
      const exitCode = await remote.exit;
      return { stdout: stdout(), stderr: stderr(), exitCode };
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#client.end();
  }
}

/** One word for a POSIX shell, whatever it holds. */
export function quote(word: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function collect(stream: Readable): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('utf8')).slice(-MAX_OUTPUT_BYTES);
  });
  return () => text;
}

async function readIdentities(files: readonly string[]): Promise<string[]> {
  const texts = await Promise.all(files.map((file) => readOptional(file)));
  return texts.filter((text) => text !== undefined);
}

/** The agent first, then each key file: what OpenSSH does without passwords. */
function authentication(target: SshTarget, keys: readonly string[]): object[] {
  const agent = process.env.SSH_AUTH_SOCK;
  const username = target.user;
  return [
    ...(agent === undefined || agent === '' ? [] : [{ type: 'agent', username, agent }]),
    ...keys.map((key) => ({ type: 'publickey', username, key })),
  ];
}

function connectFailure(target: SshTarget, error: Error & { level?: string }): UserError {
  const where = `${target.user}@${target.host}:${target.port}`;
  if (error.level === 'client-authentication') {
    return new UserError(`${target.name}: ${where} does not let us in with any of our keys`, {
      remedy: `check that this works: ssh -p ${target.port} ${target.user}@${target.host} true`,
      cause: error,
    });
  }
  return new UserError(`${target.name}: cannot reach ${where}: ${error.message}`, {
    remedy: 'check the address, the network between, and that sshd runs there',
    cause: error,
  });
}

function connectionLost(target: SshTarget, reason: string): UserError {
  return new UserError(`${target.name}: the SSH connection was lost: ${reason}`, {
    remedy: 'the same command again goes on from where it stopped',
  });
}
