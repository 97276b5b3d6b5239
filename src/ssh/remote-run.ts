import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { EXIT, type ExitCode, UserError } from '../errors.ts';
import { readPieces } from '../host/large-file.ts';
import { TRANSIENT_PARENT } from '../host/transient.ts';
import { type CompletedVerb, completedInText, LEDGER_FILE, STATE_DIRECTORY } from '../phases/ledger.ts';
import type { SshConnection } from './connection.ts';

const COMMAND_TIMEOUT_MS = 30_000;
const UPLOAD_TIMEOUT_MS = 10 * 60_000;
const FETCH_TIMEOUT_MS = 120_000;
/** A line longer than this from the other side is not one of our events. */
const MAX_LINE_BYTES = 256 * 1024;
const MAX_LINES = 100_000;
const STDERR_LINES = 10;
/** Where the installed executable is, and what a host without one gets for the time of the run. */
const INSTALLED = '/usr/local/bin/kadm';

/** An executable on this machine and the SHA-256 (hex) of its content. */
export interface Executable {
  readonly path: string;
  readonly sha256: string;
}

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
  readonly #connection: SshConnection;
  readonly #path: string;
  /** The folder in which it is, when it goes again. */
  readonly #temporary: string | undefined;

  /** The verb that had ended well there before. */
  readonly completed: CompletedVerb | undefined;

  private constructor(
    connection: SshConnection,
    path: string,
    completed: CompletedVerb | undefined,
    temporary?: string,
  ) {
    this.#connection = connection;
    this.#path = path;
    this.completed = completed;
    this.#temporary = temporary;
  }

  /** @param nearby URL of a component server from which the host may get it instead of over this connection */
  static async place(
    connection: SshConnection,
    executable: Executable,
    progress: (message: string) => void,
    nearby?: () => Promise<string>,
  ): Promise<RemoteKadm> {
    const { sha256, completed } = await lookAt(connection);
    if (sha256 === executable.sha256) return new RemoteKadm(connection, INSTALLED, completed);
    progress('sending kadm');
    const template = `${TRANSIENT_PARENT}/kadm-XXXXXXXX`;
    const folder = (await privileged(connection, ['mktemp', '-d', template])).trim();
    const remote = new RemoteKadm(connection, `${folder}/kadm`, completed, folder);
    try {
      const url = await nearby?.();
      const fetched = url !== undefined && (await fetchThere(connection, executable, remote.#path, url));
      if (!fetched) await send(connection, executable, remote.#path);
      await privileged(connection, ['chmod', '0700', remote.#path]);
    } catch (error) {
      await remote.remove();
      throw error;
    }
    return remote;
  }

  /** @returns the exit code and the last lines of standard error */
  async run(options: RemoteRunOptions): Promise<{ exitCode: number; stderr: string }> {
    return await runThere(this.#connection, [this.#path, ...options.argv], options);
  }

  /** Leaves nothing there that was only for the time of the connection. */
  async remove(): Promise<void> {
    if (this.#temporary === undefined) return;
    await privileged(this.#connection, ['rm', '-rf', this.#temporary]).catch(() => {});
  }
}

/** sudo is a wrapper round a command, not a way of its own. */
function asRoot(connection: SshConnection, argv: readonly string[]): readonly string[] {
  return connection.target.user === 'root' ? argv : ['sudo', '-n', '--', ...argv];
}

async function privileged(connection: SshConnection, argv: readonly string[]): Promise<string> {
  const result = await connection.exec(asRoot(connection, argv), { timeoutMs: COMMAND_TIMEOUT_MS });
  if (result.exitCode !== 0) throw remoteFailure(connection, argv, result.exitCode, result.stderr);
  return result.stdout;
}

async function send(connection: SshConnection, executable: Executable, path: string): Promise<void> {
  const argv = ['dd', `of=${path}`, 'bs=1M', 'status=none', 'iflag=fullblock'];
  const sent = await connection.exec(asRoot(connection, argv), {
    input: readPieces(executable.path),
    timeoutMs: UPLOAD_TIMEOUT_MS,
  });
  if (sent.exitCode !== 0) throw remoteFailure(connection, argv, sent.exitCode, sent.stderr);
  if ((await remoteSha256(connection, path)) !== executable.sha256) {
    throw new UserError(`${connection.target.name}: kadm did not arrive whole`, {
      remedy: `check the free space below ${TRANSIENT_PARENT} there and run the same command again`,
    });
  }
}

/**
 * What fetches a file by HTTP on a host of which no more is known than that it has bash: arguments are host,
 * port, path on the server, and the file to write.
 */
const FETCH_SCRIPT = `
exec 3<>"/dev/tcp/$1/$2" || exit 1
printf 'GET %s HTTP/1.0\\r\\n\\r\\n' "$3" >&3
IFS= read -r status <&3
case $status in *' 200 '*) ;; *) exit 1 ;; esac
while IFS= read -r line <&3 && [ "$line" != $'\\r' ]; do :; done
exec cat <&3 >"$4"`;

/**
 * Lets the host fetch the executable, which is cheaper than encrypting it once for each host.
 * @returns false where that did not work, for whatever reason: it then has to be sent
 */
async function fetchThere(
  connection: SshConnection,
  executable: Executable,
  path: string,
  url: string,
): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const bounded = ['timeout', `${FETCH_TIMEOUT_MS / 1000}`, 'bash', '-c', FETCH_SCRIPT, 'fetch'];
  const argv = [...bounded, host, port, `/sha256/${executable.sha256}`, path];
  const { exitCode } = await connection.exec(asRoot(connection, argv), { timeoutMs: UPLOAD_TIMEOUT_MS });
  return exitCode === 0 && (await remoteSha256(connection, path)) === executable.sha256;
}

/** What of kadm is on the host, in one round trip. */
async function lookAt(
  connection: SshConnection,
): Promise<{ sha256: string | undefined; completed: CompletedVerb | undefined }> {
  const script = `sha256sum ${INSTALLED}; grep '"complete"' ${STATE_DIRECTORY}/${LEDGER_FILE}; true`;
  const stdout = await privileged(connection, ['sh', '-c', script]);
  return { sha256: digestIn(stdout), completed: completedInText(stdout) };
}

async function remoteSha256(connection: SshConnection, path: string): Promise<string | undefined> {
  const argv = asRoot(connection, ['sha256sum', path]);
  const { stdout, exitCode } = await connection.exec(argv, { timeoutMs: COMMAND_TIMEOUT_MS });
  return exitCode === 0 ? digestIn(stdout) : undefined;
}

/** A banner of the login shell may come before it. */
function digestIn(stdout: string): string | undefined {
  return /^[0-9a-f]{64}(?= )/m.exec(stdout)?.[0];
}

async function runThere(
  connection: SshConnection,
  argv: readonly string[],
  options: RemoteRunOptions,
): Promise<{ exitCode: number; stderr: string }> {
  const remote = await connection.start(asRoot(connection, argv));
  if (typeof options.input === 'string') remote.stdin.end(options.input);
  else {
    // Input that breaks off ends the command, which then has less than it needs.
    options.input.on('error', () => remote.stdin.end());
    options.input.pipe(remote.stdin);
  }
  const overrun = setTimeout(() => connection.close(), options.timeoutMs);
  const said: string[] = [];
  const errors = createInterface({ input: remote.stderr });
  errors.on('line', (line) => {
    said.push(line.slice(0, 1000));
    if (said.length > STDERR_LINES) said.shift();
  });
  try {
    let lines = 0;
    for await (const line of boundedLines(remote.stdout)) {
      lines += 1;
      if (lines > MAX_LINES)
        throw new UserError(`${connection.target.name}: the remote kadm does not stop talking`);
      options.onLine(line);
    }
    return { exitCode: await remote.exit, stderr: said.join('\n') };
  } finally {
    clearTimeout(overrun);
    errors.close();
  }
}

/** Lines of a stream that somebody else controls. @throws UserError for a line over the bound. */
async function* boundedLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of stream) {
    rest += chunk.toString('utf8');
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > MAX_LINE_BYTES) throw new UserError('the remote kadm sent a line that never ends');
  }
  if (rest !== '') yield rest;
}

function remoteFailure(
  connection: SshConnection,
  argv: readonly string[],
  exitCode: number,
  stderr: string,
): UserError {
  return new UserError(
    `${connection.target.name}: ${argv[0]} ended with ${exitCode}: ${stderr.trim().slice(-500)}`,
    {
      remedy:
        connection.target.user === 'root'
          ? 'mend this on the host'
          : 'the user needs sudo without a password',
    },
  );
}

/** The exit code of a remote kadm, as one of ours. */
export function exitCodeFrom(code: number): ExitCode {
  return Object.values(EXIT).find((one) => one === code) ?? EXIT.failed;
}
