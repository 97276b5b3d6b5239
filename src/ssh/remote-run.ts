import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { EXIT, type ExitCode, messageOf, UserError } from '../errors.ts';
import { readPieces } from '../host/large-file.ts';
import { ADDRESSES_COMMAND, type HostAddress, parseAddresses } from '../host/network.ts';
import { TRANSIENT_PARENTS } from '../host/transient.ts';
import { digestIn, HOST_STATE_SCRIPT, type HostState, hostStateIn } from './host-state.ts';
import { collect, type Runner } from './runner.ts';

const COMMAND_TIMEOUT_MS = 30_000;
const UPLOAD_TIMEOUT_MS = 10 * 60_000;
const FETCH_TIMEOUT_MS = 120_000;
/** A line longer than this from the other side is not one of our events. */
const MAX_LINE_BYTES = 256 * 1024;
/** A kadm that sets up a master says about 100 KiB. */
const MAX_STDOUT_BYTES = 32 * 1024 * 1024;
const MAX_LINES = 100_000;
const MAX_STDERR_BYTES = 4 * 1024 * 1024;
const KEPT_STDERR_BYTES = 16 * 1024;
const STDERR_LINES = 10;
const ENDLESS = 'the remote kadm does not stop talking';
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
    const { sha256, ...state } = await lookAt(root);
    if (sha256 === executable.sha256) return new RemoteKadm(root, INSTALLED, state);
    progress('sending kadm');
    const folder = await folderToRunFrom(root);
    const remote = new RemoteKadm(root, `${folder}/kadm`, state, folder);
    try {
      const url = await nearby?.();
      const fetched = url !== undefined && (await fetchThere(root, executable, remote.#path, url));
      if (!fetched) await send(root, executable, remote.#path);
      await privileged(root, ['chmod', '0700', remote.#path]);
    } catch (error) {
      await remote.remove();
      throw error;
    }
    return remote;
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

  /** Leaves nothing there that was only for the time of the connection. */
  async remove(): Promise<void> {
    if (this.#temporary === undefined) return;
    await privileged(this.#root, ['rm', '-rf', this.#temporary]).catch(() => {});
  }
}

/**
 * Makes a folder of its own where programs may be run: /var/tmp often is mounted so that they may not. Nothing is
 * left where it does not work.
 */
const FOLDER_SCRIPT = `
umask 077
for parent; do
  # What runs that were cut off have left, long ago.
  find "$parent" -maxdepth 1 -name 'kadm-????????' -user 0 -mmin +2880 -exec rm -rf {} + 2>/dev/null
  folder=$(mktemp -d "$parent/kadm-XXXXXXXX" 2>/dev/null) || continue
  echo '#!/bin/sh' >"$folder/probe" && chmod 700 "$folder/probe" && "$folder/probe" 2>/dev/null &&
    rm "$folder/probe" && echo "$folder" && exit 0
  rm -rf "$folder"
done
exit 1`;

async function folderToRunFrom(root: Runner): Promise<string> {
  const argv = ['sh', '-c', FOLDER_SCRIPT, 'folder', ...TRANSIENT_PARENTS];
  const { stdout } = await root.exec(argv, { timeoutMs: COMMAND_TIMEOUT_MS });
  // A banner of the login shell may come before it.
  const folder = /^\/\S+\/kadm-\w{8}$/m.exec(stdout)?.[0];
  if (folder !== undefined) return folder;
  throw new UserError(
    `${root.target.name}: no folder in which a program can be stored and run: not ${TRANSIENT_PARENTS.join(', ')}`,
    { remedy: 'look there for a full disk, and for mounts that are read-only or noexec (findmnt)' },
  );
}

async function privileged(root: Runner, argv: readonly string[]): Promise<string> {
  const result = await root.exec(argv, { timeoutMs: COMMAND_TIMEOUT_MS });
  if (result.exitCode !== 0) throw remoteFailure(root, argv, result.exitCode, result.stderr);
  return result.stdout;
}

async function send(root: Runner, executable: Executable, path: string): Promise<void> {
  const argv = ['dd', `of=${path}`, 'bs=1M', 'status=none', 'iflag=fullblock'];
  const sent = await root.exec(argv, {
    input: readPieces(executable.path),
    timeoutMs: UPLOAD_TIMEOUT_MS,
  });
  if (sent.exitCode !== 0) throw remoteFailure(root, argv, sent.exitCode, sent.stderr);
  if ((await remoteSha256(root, path)) !== executable.sha256) {
    throw new UserError(`${root.target.name}: kadm did not arrive whole`, {
      remedy: `check the free space below ${dirname(path)} there and run the same command again`,
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
async function fetchThere(root: Runner, executable: Executable, path: string, url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const bounded = ['timeout', `${FETCH_TIMEOUT_MS / 1000}`, 'bash', '-c', FETCH_SCRIPT, 'fetch'];
  const argv = [...bounded, host, port, `/sha256/${executable.sha256}`, path];
  const { exitCode } = await root.exec(argv, { timeoutMs: UPLOAD_TIMEOUT_MS });
  return exitCode === 0 && (await remoteSha256(root, path)) === executable.sha256;
}

/** What of kadm is on the host, in one round trip. */
async function lookAt(root: Runner): Promise<ReturnType<typeof hostStateIn>> {
  const before = Date.now();
  const said = await privileged(root, ['sh', '-c', HOST_STATE_SCRIPT, 'look', INSTALLED]);
  return hostStateIn(said, (before + Date.now()) / 2);
}

async function remoteSha256(root: Runner, path: string): Promise<string | undefined> {
  const argv = ['sha256sum', path];
  const { stdout, exitCode } = await root.exec(argv, { timeoutMs: COMMAND_TIMEOUT_MS });
  return exitCode === 0 ? digestIn(stdout) : undefined;
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

function remoteFailure(root: Runner, argv: readonly string[], exitCode: number, stderr: string): UserError {
  return new UserError(
    `${root.target.name}: ${argv[0]} ended with ${exitCode}: ${stderr.trim().slice(-500)}`,
    { remedy: 'mend this on the host' },
  );
}

/** The exit code of a remote kadm, as one of ours. */
export function exitCodeFrom(code: number): ExitCode {
  return Object.values(EXIT).find((one) => one === code) ?? EXIT.failed;
}
