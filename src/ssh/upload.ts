import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream';
import { createGzip } from 'node:zlib';
import { UserError } from '../errors.ts';
import type { Pieces } from '../host/large-file.ts';
import { TRANSIENT_PARENTS } from '../host/transient.ts';
import { digestIn } from './host-state.ts';
import { privileged, type Runner } from './runner.ts';

const COMMAND_TIMEOUT_MS = 30_000;
const UPLOAD_TIMEOUT_MS = 10 * 60_000;
const FETCH_TIMEOUT_MS = 120_000;
const PIECE_BYTES = 1024 * 1024;
/** Halves the executable at 100 MB/s; the next levels take twice as long for a tenth less. */
const GZIP_LEVEL = 1;

/** An executable on this machine and the SHA-256 (hex) of its content. */
export interface Executable {
  readonly path: string;
  readonly sha256: string;
}

/** A folder on a host that is only for the time of a run, and what of the executable is in it already. */
interface Place {
  readonly folder: string;
  /** Bytes that an earlier run, which was cut off, has left. */
  readonly present: number;
}

/**
 * Puts the executable into a folder of its own there, where programs can be run. What a run that was cut off has
 * sent is not sent again.
 * @param nearby URL of a component server from which the host may get it instead of over this connection
 * @returns the path of the executable
 * @throws UserError where it does not arrive; nothing is left there, unless the connection was lost
 */
export async function upload(
  root: Runner,
  executable: Executable,
  progress: (message: string) => void,
  nearby?: () => Promise<string>,
): Promise<string> {
  progress('sending kadm');
  const { folder, present } = await placeFor(root, executable);
  const part = `${folder}/${partName(executable)}`;
  try {
    const url = await nearby?.();
    const fetched = url !== undefined && (await fetchThere(root, executable, part, url));
    // What the host could fetch of it counts too.
    if (!fetched)
      await send(root, executable, part, url === undefined ? present : await size(root, part), progress);
    const path = `${folder}/kadm`;
    await privileged(root, ['sh', '-c', 'chmod 0700 "$1" && mv "$1" "$2"', 'place', part, path]);
    return path;
  } catch (error) {
    await privileged(root, ['rm', '-rf', folder]).catch(() => {});
    throw error;
  }
}

function partName({ sha256 }: Executable): string {
  return `${sha256}.part`;
}

/**
 * Makes a folder of its own where programs may be run: /var/tmp often is mounted so that they may not. Nothing is
 * left where it does not work. Arguments are the name of the file that is to come, and the folders to try.
 */
const FOLDER_SCRIPT = `
umask 077
part=$1; shift
for parent; do
  # What runs that were cut off have left, long ago.
  find "$parent" -maxdepth 1 -name 'kadm-????????' -user 0 -mmin +2880 -exec rm -rf {} + 2>/dev/null
  folder=$(mktemp -d "$parent/kadm-XXXXXXXX" 2>/dev/null) || continue
  echo '#!/bin/sh' >"$folder/probe" && chmod 700 "$folder/probe" && "$folder/probe" 2>/dev/null &&
    rm "$folder/probe" || { rm -rf "$folder"; continue; }
  # Copied: the run that sends it may be at work still. It only ever adds, so what is there is right.
  size=0
  for other in $(find "$parent" -maxdepth 1 -type d -name 'kadm-????????' -user 0); do
    [ -f "$other/$part" ] || continue
    found=$(stat -c %s "$other/$part")
    [ "$found" -gt "$size" ] && cp "$other/$part" "$folder/$part" && size=$(stat -c %s "$folder/$part")
    # A connection that is silent for so long is given up.
    [ -n "$(find "$other/$part" -mmin +2)" ] && rm -rf "$other"
  done
  echo "$folder $size" && exit 0
done
exit 1`;

async function placeFor(root: Runner, executable: Executable): Promise<Place> {
  const argv = ['sh', '-c', FOLDER_SCRIPT, 'folder', partName(executable), ...TRANSIENT_PARENTS];
  const { stdout } = await root.exec(argv, { timeoutMs: COMMAND_TIMEOUT_MS });
  // A banner of the login shell may come before it.
  const [, folder, present] = /^(\/\S+\/kadm-\w{8}) (\d+)$/m.exec(stdout) ?? [];
  if (folder !== undefined) return { folder, present: Number(present) };
  throw new UserError(
    `${root.target.name}: no folder in which a program can be stored and run: not ${TRANSIENT_PARENTS.join(', ')}`,
    { remedy: 'look there for a full disk, and for mounts that are read-only or noexec (findmnt)' },
  );
}

/** @param present bytes that are there already; of another content they are sent again */
async function send(
  root: Runner,
  executable: Executable,
  part: string,
  present: number,
  progress: (message: string) => void,
): Promise<void> {
  if (present > 0) progress(`sending the rest of kadm: ${mebibytes(present)} are there`);
  if ((await append(root, executable, part, present)) === executable.sha256) return;
  if (present > 0 && (await append(root, executable, part, 0)) === executable.sha256) return;
  throw new UserError(`${root.target.name}: kadm did not arrive whole`, {
    remedy: `check the free space below ${dirname(part)} there and run the same command again`,
  });
}

async function size(root: Runner, path: string): Promise<number> {
  const { stdout } = await root.exec(['stat', '-c', 'bytes %s', path], { timeoutMs: COMMAND_TIMEOUT_MS });
  return Number(/^bytes (\d+)$/m.exec(stdout)?.[1] ?? 0);
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 1024 / 1024)} MiB`;
}

/** Keeps the first bytes of a file, adds what comes, and tells the digest of it all. */
const APPEND_SCRIPT = 'truncate -s "$2" "$1" && gzip -dc >>"$1" && sha256sum "$1"';

/** @returns the SHA-256 of what is there then */
async function append(
  root: Runner,
  { path }: Executable,
  part: string,
  start: number,
): Promise<string | undefined> {
  const whole = await stat(path);
  const kept = Math.min(start, whole.size);
  const argv = ['sh', '-c', APPEND_SCRIPT, 'append', part, String(kept)];
  return digestIn(
    await privileged(root, argv, { input: compressed(path, kept), timeoutMs: UPLOAD_TIMEOUT_MS }),
  );
}

function compressed(path: string, start: number): Pieces {
  const gzip = createGzip({ level: GZIP_LEVEL, chunkSize: PIECE_BYTES });
  // An error ends the reader's iteration too, which is where it is told.
  pipeline(createReadStream(path, { start, highWaterMark: PIECE_BYTES }), gzip, () => {});
  return gzip;
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
async function fetchThere(root: Runner, executable: Executable, part: string, url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const bounded = ['timeout', `${FETCH_TIMEOUT_MS / 1000}`, 'bash', '-c', FETCH_SCRIPT, 'fetch'];
  const argv = [...bounded, host, port, `/sha256/${executable.sha256}`, part];
  const { exitCode } = await root.exec(argv, { timeoutMs: UPLOAD_TIMEOUT_MS });
  if (exitCode !== 0) return false;
  const { stdout } = await root.exec(['sha256sum', part], { timeoutMs: COMMAND_TIMEOUT_MS });
  return digestIn(stdout) === executable.sha256;
}
