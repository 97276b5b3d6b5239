import type { Duplex } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { UserError } from '../errors.ts';
import { commandLine, type RemoteProcess, Runner } from './runner.ts';
import type { SshTarget } from './target.ts';

/** A server that answers, but opens nothing, is given up after this. */
const OPEN_TIMEOUT_MS = 30_000;

/** A connection that ended by itself: another one may do better. */
export class ConnectionLost extends UserError {}

/** An SSH connection to one host, whose key was verified. Every operation is bounded. */
export class SshConnection extends Runner {
  readonly target: SshTarget;
  readonly #client: Client;
  readonly #closed: Promise<never>;
  #reason = 'closed by the other side';
  #abandoned = false;
  #open = true;

  /** @param client let in already */
  constructor(target: SshTarget, client: Client) {
    super();
    this.target = target;
    this.#client = client;
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => {});
    this.#closed = lost.promise;
    client.on('error', (error) => {
      this.#reason = error.message;
    });
    // ssh2 does not always report an error before a connection is gone; close always comes.
    client.on('close', () => {
      this.#open = false;
      lost.reject(this.#lost());
    });
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** It goes through the user's login shell there, whichever that is. */
  async start(argv: readonly string[], options: { readonly pty?: boolean } = {}): Promise<RemoteProcess> {
    const opened = new Promise<RemoteProcess>((resolve, reject) => {
      this.#client.exec(commandLine(argv), { pty: options.pty === true }, (error, channel) => {
        if (error !== undefined) return reject(this.#refused('to run a command', error));
        // Listened to within this call: what comes in the same packet is told before any promise goes on.
        resolve(this.#process(channel));
      });
    });
    return await this.#bounded(opened);
  }

  /** A stream to a port that this host reaches. */
  async forward(host: string, port: number): Promise<Duplex> {
    const opened = new Promise<Duplex>((resolve, reject) => {
      this.#client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
        if (error === undefined) resolve(channel);
        else reject(this.#refused(`a way to ${host}:${port}`, error));
      });
    });
    return await this.#bounded(opened);
  }

  abandon(reason: string): void {
    this.#reason = reason;
    this.#abandoned = true;
    this.#client.destroy();
  }

  close(): void {
    this.#client.end();
  }

  async #bounded<T>(opened: Promise<T>): Promise<T> {
    opened.catch(() => {});
    const late = `no answer within ${OPEN_TIMEOUT_MS / 1000} s`;
    const timer = setTimeout(() => this.abandon(late), OPEN_TIMEOUT_MS);
    try {
      return await Promise.race([opened, this.#closed]);
    } finally {
      clearTimeout(timer);
    }
  }

  #refused(what: string, error: Error): UserError {
    return this.#open
      ? new UserError(`${this.target.name}: its SSH server refuses ${what}: ${error.message}`, {
          remedy: 'its log says why: journalctl -u ssh (or -u sshd) there',
          cause: error,
        })
      : this.#lost();
  }

  #lost(): UserError {
    const message = `${this.target.name}: the SSH connection was lost: ${this.#reason}`;
    const remedy = 'the same command again goes on from where it stopped';
    return this.#abandoned ? new UserError(message, { remedy }) : new ConnectionLost(message, { remedy });
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
}
