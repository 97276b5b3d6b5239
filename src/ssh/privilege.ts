import { randomBytes } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';
import { UserError } from '../errors.ts';
import type { SshConnection } from './connection.ts';
import type { Credentials } from './credentials.ts';
import { Patience } from './patience.ts';
import { type RemoteProcess, Runner } from './runner.ts';

const COMMAND_TIMEOUT_MS = 30_000;
/** What sudo may say before the command starts: its lecture, a banner of the login shell. */
const MAX_PREAMBLE_BYTES = 64 * 1024;

/**
 * Commands as root there. What sudo asks for is found out once, with a password that is remembered left out.
 * @throws UserError where sudo is missing
 */
export async function asRoot(connection: SshConnection, credentials: Credentials): Promise<Runner> {
  const { user, sudo, name } = connection.target;
  if (user === 'root' || !sudo) return connection;
  const probe = ['env', 'LC_ALL=C', 'sudo', '-k', '-n', '--', 'true'];
  const { exitCode, stderr } = await connection.exec(probe, { timeoutMs: COMMAND_TIMEOUT_MS });
  if (exitCode === 0) return new Sudo(connection);
  if (exitCode === 127) {
    throw new UserError(`${name}: there is no sudo, and ${user} is not root`, {
      remedy: 'install sudo there, or log in as root',
    });
  }
  const root = /tty/.test(stderr)
    ? new SudoAtTerminal(connection, credentials)
    : new SudoWithPassword(connection, credentials);
  // Asks for the password now, when nothing waits for a command's end.
  const remote = await root.start(['true']);
  remote.stdin.end();
  remote.stdout.resume();
  remote.stderr.resume();
  const late = setTimeout(() => connection.abandon('sudo true does not end'), COMMAND_TIMEOUT_MS);
  await remote.exit.finally(() => clearTimeout(late));
  return root;
}

/** A user who is root by sudo. */
class Sudo extends Runner {
  protected readonly connection: SshConnection;

  constructor(connection: SshConnection) {
    super();
    this.connection = connection;
  }

  get target(): SshConnection['target'] {
    return this.connection.target;
  }

  async start(argv: readonly string[]): Promise<RemoteProcess> {
    return await this.connection.start(['sudo', '-n', '--', ...argv]);
  }

  abandon(reason: string): void {
    this.connection.abandon(reason);
  }
}

/** The password goes over standard input, ahead of what the command reads there. */
class SudoWithPassword extends Sudo {
  readonly #credentials: Credentials;

  constructor(connection: SshConnection, credentials: Credentials) {
    super(connection);
    this.#credentials = credentials;
  }

  override async start(argv: readonly string[]): Promise<RemoteProcess> {
    const marks = new Marks();
    const shell = ['sh', '-c', `echo ${marks.started} >&2; exec "$@"`, 'sh', ...argv];
    // -k: sudo that remembers would not read the password, and the command would.
    const sudo = ['sudo', '-k', '-S', '-p', marks.prompt, '--', ...shell];
    const remote = await this.connection.start(sudo);
    const rest = await started(remote, remote.stderr, marks, this.connection, this.#credentials);
    const stderr = new PassThrough();
    stderr.write(rest);
    remote.stderr.pipe(stderr);
    return { ...remote, stderr };
  }
}

/**
 * For hosts whose sudo works at a terminal only. A terminal changes what goes through it, so sudo gets one, and
 * the command's own streams go through pipes beside it.
 */
class SudoAtTerminal extends Sudo {
  readonly #credentials: Credentials;

  constructor(connection: SshConnection, credentials: Credentials) {
    super(connection);
    this.#credentials = credentials;
  }

  override async start(argv: readonly string[]): Promise<RemoteProcess> {
    const marks = new Marks();
    const folder = await this.#pipes();
    const streams = `<"$d/in" >"$d/out" 2>"$d/err"`;
    const shell = [
      'sh',
      '-c',
      `d=$1; shift; echo ${marks.started}; exec "$@" ${streams}`,
      'sh',
      folder,
      ...argv,
    ];
    const control = await this.connection.start(['sudo', '-k', '-p', marks.prompt, '--', ...shell], {
      pty: true,
    });
    try {
      await started(control, control.stdout, marks, this.connection, this.#credentials);
    } catch (error) {
      const remove = ['rm', '-rf', folder];
      await this.connection.exec(remove, { timeoutMs: COMMAND_TIMEOUT_MS }).catch(() => {});
      throw error;
    }
    control.stdout.resume();
    const relay = await this.connection.start(['sh', '-c', RELAY, 'sh', folder]);
    const exit = (async () => {
      const code = await control.exit;
      await relay.exit;
      return code;
    })();
    exit.catch(() => {});
    return { ...relay, exit };
  }

  async #pipes(): Promise<string> {
    const script =
      'd=$(mktemp -d /tmp/kadm-sudo-XXXXXXXX) && mkfifo -m 600 "$d/in" "$d/out" "$d/err" && echo "$d"';
    const { stdout } = await this.connection.exec(['sh', '-c', script], { timeoutMs: COMMAND_TIMEOUT_MS });
    const folder = /^\/tmp\/kadm-sudo-\w+$/m.exec(stdout)?.[0];
    if (folder !== undefined) return folder;
    throw new UserError(`${this.target.name}: no folder for sudo's pipes could be made in /tmp`, {
      remedy: 'check the free space of /tmp there',
    });
  }
}

/** Between the pipes and its own streams; goes when the command has ended, and takes the pipes with it. */
const RELAY = `d=$1; exec 3<&0
cat "$d/err" >&2 & e=$!
cat "$d/out" & o=$!
cat <&3 >"$d/in" & i=$!
wait $e $o; rm -rf "$d"; kill $i 2>/dev/null; exit 0`;

/** Words that nothing else says: when sudo asks, and when the command starts. */
class Marks {
  readonly prompt: string;
  readonly started: string;

  constructor() {
    const nonce = randomBytes(8).toString('hex');
    this.prompt = `kadm-asks-${nonce}`;
    this.started = `kadm-starts-${nonce}`;
  }
}

/**
 * Answers sudo until the command starts.
 * @param stream where sudo asks and the command's start is told
 * @returns what came after it
 * @throws UserError when sudo lets nobody in
 */
async function started(
  remote: RemoteProcess,
  stream: Readable,
  marks: Marks,
  connection: SshConnection,
  credentials: Credentials,
): Promise<Buffer> {
  let said = '';
  let asked = 0;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const patience = new Patience(COMMAND_TIMEOUT_MS);
  patience.expired.then(() => connection.abandon('sudo does not answer'));
  const answer = async (): Promise<void> => {
    const password = await patience.during(credentials.sudoPassword(connection.target, asked));
    asked += 1;
    remote.stdin.write(`${password}\n`);
  };
  const take = (piece: Buffer): void => {
    said += piece.toString('latin1');
    // The terminal may show the command line that holds the words; alone on a line they are meant.
    const start = new RegExp(`(^|[\\r\\n]|${marks.prompt})${marks.started}\\r?\\n`).exec(said);
    if (start !== null) {
      stream.off('data', take);
      stream.pause();
      resolve(Buffer.from(said.slice(start.index + start[0].length), 'latin1'));
    } else if (said.includes(marks.prompt)) {
      said = '';
      answer().catch((error: unknown) => {
        remote.stdin.end();
        reject(error);
      });
    } else if (said.length > MAX_PREAMBLE_BYTES) {
      connection.abandon('sudo does not stop talking');
    }
  };
  stream.on('data', take);
  remote.exit.then(
    (code) => reject(refusal(connection, said, code)),
    (error: unknown) => reject(error),
  );
  try {
    return await promise;
  } finally {
    patience.end();
  }
}

function refusal({ target: { name, user } }: SshConnection, said: string, code: number): UserError {
  const words = said.trim().split('\n').at(-1)?.slice(-300) ?? '';
  return new UserError(
    `${name}: sudo does not make ${user} root: ${words === '' ? `it ended with ${code}` : words}`,
    {
      remedy: `check that this works there: sudo true`,
    },
  );
}
