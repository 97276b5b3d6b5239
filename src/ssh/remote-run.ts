import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { EXIT, type ExitCode, UserError } from '../errors.ts';
import type { SshConnection } from './connection.ts';

const COMMAND_TIMEOUT_MS = 30_000;
const UPLOAD_TIMEOUT_MS = 10 * 60_000;
/** A line longer than this from the other side is not one of our events. */
const MAX_LINE_BYTES = 256 * 1024;
const MAX_LINES = 100_000;
const STDERR_LINES = 10;
/** Where the installed executable is, and what a host without one gets for the time of the run. */
const INSTALLED = '/usr/local/bin/kadm';
const TEMPORARY_PARENT = '/var/tmp';

/** An executable on this machine and the SHA-256 (hex) of its content. */
export interface Executable {
  readonly path: string;
  readonly sha256: string;
}

export interface RemoteRunOptions {
  readonly executable: Executable;
  readonly argv: readonly string[];
  /** Given to the remote command on its standard input: configuration and secrets travel here. */
  readonly input: string;
  readonly timeoutMs: number;
  /** Each line of standard output. Throws to end the run. */
  readonly onLine: (line: string) => void;
  readonly progress: (message: string) => void;
}

/**
 * The same small act for every host: put the same executable there unless it is there already, run it with
 * its configuration on standard input, pass on the lines that it writes, clean up.
 * @returns the exit code and the last lines of standard error
 */
export async function runRemote(
  connection: SshConnection,
  options: RemoteRunOptions,
): Promise<{ exitCode: number; stderr: string }> {
  const { path, temporary } = await place(connection, options);
  try {
    options.progress('running');
    return await runThere(connection, [path, ...options.argv], options);
  } finally {
    if (temporary !== undefined) {
      await privileged(connection, ['rm', '-rf', temporary]).catch(() => {
        options.progress(`${temporary} could not be removed`);
      });
    }
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

async function place(
  connection: SshConnection,
  options: RemoteRunOptions,
): Promise<{ path: string; temporary?: string }> {
  const { executable } = options;
  if ((await remoteSha256(connection, INSTALLED)) === executable.sha256) return { path: INSTALLED };
  options.progress('sending kadm');
  const folder = (await privileged(connection, ['mktemp', '-d', `${TEMPORARY_PARENT}/kadm-XXXXXXXX`])).trim();
  const path = `${folder}/kadm`;
  const argv = ['dd', `of=${path}`, 'bs=1M', 'status=none', 'iflag=fullblock'];
  const sent = await connection.exec(asRoot(connection, argv), {
    input: createReadStream(executable.path, { highWaterMark: 256 * 1024 }),
    timeoutMs: UPLOAD_TIMEOUT_MS,
  });
  if (sent.exitCode !== 0) throw remoteFailure(connection, argv, sent.exitCode, sent.stderr);
  if ((await remoteSha256(connection, path)) !== executable.sha256) {
    throw new UserError(`${connection.target.name}: kadm did not arrive whole`, {
      remedy: `check the free space below ${TEMPORARY_PARENT} there and run the same command again`,
    });
  }
  await privileged(connection, ['chmod', '0700', path]);
  return { path, temporary: folder };
}

async function remoteSha256(connection: SshConnection, path: string): Promise<string | undefined> {
  const argv = asRoot(connection, ['sha256sum', path]);
  const { stdout, exitCode } = await connection.exec(argv, { timeoutMs: COMMAND_TIMEOUT_MS });
  return exitCode === 0 ? /^[0-9a-f]{64}/m.exec(stdout)?.[0] : undefined;
}

async function runThere(
  connection: SshConnection,
  argv: readonly string[],
  options: RemoteRunOptions,
): Promise<{ exitCode: number; stderr: string }> {
  const remote = await connection.start(asRoot(connection, argv));
  remote.stdin.end(options.input);
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
