import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2, { type Client, type ConnectConfig } from 'ssh2';
import { messageOf, UserError } from '../errors.ts';
import { authentication } from './authentication.ts';
import { SshConnection } from './connection.ts';
import { Credentials } from './credentials.ts';
import { fetchHostCertificate } from './fetch-certificate.ts';
import { certifiedKey, hostKeyOrder, nameInKnownHosts, needsCertificate, verifyHostKey } from './host-key.ts';
import { type KnownHost, knownKeyTypes } from './known-hosts.ts';
import { KnownHostsFiles } from './known-hosts-file.ts';
import { Patience } from './patience.ts';
import { NOBODY, type Questions } from './questions.ts';
import type { SshTarget } from './target.ts';

const CONNECT_TIMEOUT_MS = 20_000;
/**
 * A dead peer is noticed after KEEPALIVE_MS * (KEEPALIVE_COUNT + 1), 28.8 s. A network that was cut for 20 s is
 * survived: TCP sends again about 25 s after the cut (RFC 6298, 5.5: each pause twice the last).
 */
const KEEPALIVE_MS = 4_800;
const KEEPALIVE_COUNT = 5;
/** For how long a host that cannot be reached is tried again: a server that starts anew, a cable that was out. */
const RETRY_FOR_MS = 30_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10_000;

export interface ConnectorOptions {
  /** Accept and remember the key of a host that known_hosts does not list. A changed key is always refused. */
  readonly acceptNewHostKeys: boolean;
  readonly signal?: AbortSignal;
  /** Who is asked about host keys and passwords; nobody when left out. */
  readonly questions?: Questions;
  /** 30 s when left out; 0 for a single attempt. */
  readonly retryForMs?: number;
}

/** What another attempt may mend: everything else ends at once. */
class Unreachable extends UserError {}

/**
 * Opens connections. What was learnt for one (answers, keys, passwords) serves the next, and those to a host on
 * the way are shared.
 */
export class Connector {
  readonly credentials: Credentials;
  readonly #options: ConnectorOptions;
  readonly #questions: Questions;
  readonly #knownHosts = new KnownHostsFiles();
  readonly #hops = new Map<string, Promise<SshConnection>>();
  /** One question on one host's key at a time, and never twice. */
  readonly #verifying = new Map<string, Promise<void>>();
  /** What certificates vouch for, by the name in known_hosts. */
  readonly #certified = new Map<string, KnownHost | undefined>();

  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.#questions = options.questions ?? NOBODY;
    this.credentials = new Credentials(this.#questions);
  }

  /**
   * @param progress hears of attempts that failed and are made again
   * @throws UserError: unreachable, host key unknown or changed, not let in
   */
  async open(target: SshTarget, progress: (message: string) => void = () => {}): Promise<SshConnection> {
    const end = performance.now() + (this.#options.retryForMs ?? RETRY_FOR_MS);
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return await this.#once(target);
      } catch (error) {
        if (!(error instanceof Unreachable) || performance.now() + pause > end) throw error;
        progress(`${error.message}; trying again`);
        await sleep(pause, undefined, this.#options.signal && { signal: this.#options.signal });
      }
    }
  }

  /** Closes the connections to hosts on the way. */
  async close(): Promise<void> {
    for (const hop of this.#hops.values()) (await hop.catch(() => undefined))?.close();
    this.#hops.clear();
  }

  async #once(target: SshTarget): Promise<SshConnection> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    const known = await this.#known(target);
    const sock = await this.#way(target);
    const client = new ssh2.Client();
    const patience = new Patience(CONNECT_TIMEOUT_MS);
    const refused: { error?: unknown } = {};
    const next = authentication(target, this.credentials);
    const ready = letIn(client, target, refused, patience);
    const abort = (): void => void client.destroy();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      client.connect({
        host: target.host,
        port: target.port,
        ...(sock === undefined ? {} : { sock }),
        username: target.user,
        readyTimeout: 0,
        keepaliveInterval: KEEPALIVE_MS,
        keepaliveCountMax: KEEPALIVE_COUNT,
        algorithms: { serverHostKey: hostKeyOrder(knownKeyTypes(known, nameInKnownHosts(target))) },
        authHandler: ((left: string[] | null, _partial: boolean | null, attempt: (next: unknown) => void) => {
          patience.during(next(left)).then(attempt, (error: unknown) => {
            refused.error = error;
            attempt(false);
          });
        }) as never,
        hostVerifier: (key: Buffer, answer: (accepted: boolean) => void) => {
          patience.during(this.#verify(target, key)).then(
            () => answer(true),
            (error: unknown) => {
              refused.error = error;
              answer(false);
            },
          );
        },
      } satisfies ConnectConfig);
      await ready;
    } catch (error) {
      client.destroy();
      signal?.removeEventListener('abort', abort);
      signal?.throwIfAborted();
      throw error;
    } finally {
      patience.end();
    }
    // What runs there ends with the connection, when the person here stops it.
    client.once('close', () => signal?.removeEventListener('abort', abort));
    return new SshConnection(target, client);
  }

  /** What known_hosts says, and what it says by way of an authority. */
  async #known(target: SshTarget): Promise<KnownHost[]> {
    const listed = await this.#knownHosts.list(target.knownHostsFiles);
    if (!needsCertificate(target, listed)) return listed;
    const name = nameInKnownHosts(target);
    if (!this.#certified.has(name)) {
      const certificate = await this.#certificate(target);
      this.#certified.set(name, certificate && certifiedKey(target, listed, certificate, Date.now()));
    }
    const certified = this.#certified.get(name);
    return certified === undefined ? listed : [...listed, certified];
  }

  async #certificate(target: SshTarget): Promise<Buffer | undefined> {
    const { host, port } = target;
    const socket = (await this.#way(target)) ?? connect({ host, port });
    try {
      return await fetchHostCertificate(socket);
    } catch (error) {
      throw connectFailure(target, error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #verify(target: SshTarget, key: Buffer): Promise<void> {
    const turn = `${nameInKnownHosts(target)} ${key.toString('base64')}`;
    const before = this.#verifying.get(turn);
    const verified = (async () => {
      await before?.catch(() => {});
      const known = await this.#known(target);
      const { acceptNewHostKeys } = this.#options;
      const policy = { acceptNewHostKeys, files: this.#knownHosts, questions: this.#questions };
      await verifyHostKey(target, known, key, policy);
    })();
    this.#verifying.set(turn, verified);
    await verified;
  }

  /** Undefined where the host is reached without another one. */
  async #way({ host, port, jumps, name }: SshTarget): Promise<Duplex | undefined> {
    const last = jumps.at(-1);
    if (last === undefined) return undefined;
    const hop = await this.#hop({ ...last, jumps: jumps.slice(0, -1) });
    try {
      return await hop.forward(host, port);
    } catch (error) {
      throw new Unreachable(
        `${name}: cannot reach ${host}:${port} through ${last.name}: ${messageOf(error)}`,
        {
          remedy: `check on ${last.name} that it reaches ${host}, and that its sshd has AllowTcpForwarding`,
          cause: error,
        },
      );
    }
  }

  async #hop(target: SshTarget): Promise<SshConnection> {
    const key = JSON.stringify([target.user, target.host, target.port, target.jumps.map(({ name }) => name)]);
    const before = this.#hops.get(key);
    const there = await before?.catch(() => undefined);
    if (there?.isOpen === true) return there;
    // Another host may have begun to open it meanwhile.
    const now = this.#hops.get(key);
    const hop = now === undefined || now === before ? this.#once(target) : now;
    this.#hops.set(key, hop);
    hop.catch(() => {});
    return await hop;
  }
}

/** Resolves when the host has let us in. */
function letIn(
  client: Client,
  target: SshTarget,
  refused: { readonly error?: unknown },
  patience: Patience,
): Promise<void> {
  const ready = new Promise<void>((resolve, reject) => {
    const fail = (error: unknown): void => reject(refused.error ?? error);
    client.once('ready', resolve);
    client.on('error', (error: Error & { level?: string }) => {
      // An agent that does not answer, or a key that cannot sign, is not the end: the next one is tried.
      if (error.level === 'agent') return;
      if (error.level === 'client-authentication' && !error.message.startsWith('All configured')) return;
      fail(connectFailure(target, error));
    });
    client.once('close', () => fail(connectFailure(target, new Error('closed while connecting'))));
    patience.expired.then(
      () => fail(connectFailure(target, new Error(patience.message))),
      () => {},
    );
  });
  ready.catch(() => {});
  return ready;
}

function connectFailure(target: SshTarget, error: Error & { level?: string; code?: unknown }): UserError {
  const where = `${target.user}@${target.host}:${target.port}`;
  if (error.level === 'client-authentication' || /authentication failures/i.test(error.message)) {
    return new UserError(`${target.name}: ${where} does not let us in with any of our keys or passwords`, {
      remedy: `check that this works: ssh ${jumpFlag(target)}-p ${target.port} ${target.user}@${target.host} true`,
      cause: error,
    });
  }
  if (error.code === 'ENOTFOUND') {
    return new UserError(`${target.name}: there is no host ${target.host}: ${error.message}`, {
      remedy: 'check the name, or give the address',
      cause: error,
    });
  }
  return new Unreachable(`${target.name}: cannot reach ${where}: ${error.message}`, {
    remedy: 'check the address, the network between, and that sshd runs there',
    cause: error,
  });
}

function jumpFlag({ jumps }: SshTarget): string {
  return jumps.length === 0
    ? ''
    : `-J ${jumps.map(({ user, host, port }) => `${user}@${host}:${port}`).join(',')} `;
}
