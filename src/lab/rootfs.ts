import { mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import lockfile from 'proper-lockfile';
import { hasCode } from '../errors.ts';
import { runCommand } from '../host/command.ts';
import { exists } from '../host/host.ts';
import { FILES, PACKAGES, REMOVED, rootfsKey, SUITE } from './rootfs-contents.ts';

const BOUND_MS = 30 * 60_000;
const STALE_MS = 10_000;

export interface RootfsOptions {
  /** kadm's cache folder. */
  readonly cacheDirectory: string;
  readonly onProgress?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** Where the root filesystem of this kadm's lab hosts is, or will be. */
export function rootfsPath(cacheDirectory: string): string {
  return `${cacheDirectory}/rootfs/${rootfsKey()}`;
}

/**
 * Makes the Debian root filesystem that lab hosts share as their lowest layer, unless it is there. About a
 * minute. A second process waits for the first; what a killed one left is removed.
 * @returns its folder, never to be written to
 */
export async function ensureRootfs(options: RootfsOptions): Promise<string> {
  const path = rootfsPath(options.cacheDirectory);
  if (await exists(path)) return path;
  await mkdir(dirname(path), { recursive: true });
  const release = await acquire(path, options);
  try {
    if (!(await exists(path))) await build(path, options);
  } finally {
    await release();
  }
  return path;
}

async function build(path: string, options: RootfsOptions): Promise<void> {
  await removePartial(path);
  const partial = `${path}.partial`;
  await debootstrap(partial, options);
  await adapt(partial);
  await rename(partial, path);
}

/**
 * No mirror is named: debootstrap's default serves everybody. It runs in namespaces of its own, so that it
 * ends with this process, whatever happens, and the mounts that it makes end with it.
 */
async function debootstrap(target: string, { onProgress, signal }: RootfsOptions): Promise<void> {
  const isolated = ['unshare', '--mount', '--pid', '--fork', '--kill-child'];
  const argv = ['debootstrap', '--variant=minbase', `--include=${PACKAGES.join(',')}`, SUITE, target];
  await runCommand(['setpriv', '--pdeathsig', 'KILL', ...isolated, ...argv], {
    timeoutMs: BOUND_MS,
    onLine: (line) => onProgress?.(line.replace(/^[IWE]: /, '')),
    ...(signal === undefined ? {} : { signal }),
  });
}

async function adapt(root: string): Promise<void> {
  for (const path of REMOVED.directories) await rm(`${root}${path}`, { recursive: true, force: true });
  for (const name of await readdir(`${root}/etc/ssh`)) {
    if (REMOVED.hostKeys.test(name)) await rm(`${root}/etc/ssh/${name}`);
  }
  // apt makes its folders again, but not the ones above them.
  for (const path of ['/var/cache/apt', '/var/lib/apt/lists', '/var/log/journal']) {
    await mkdir(`${root}${path}`, { recursive: true });
  }
  for (const { path, link, content } of FILES) {
    const target = `${root}${path}`;
    await mkdir(dirname(target), { recursive: true });
    await rm(target, { force: true });
    await (link === undefined ? writeFile(target, content ?? '') : symlink(link, target));
  }
}

async function removePartial(path: string): Promise<void> {
  // Its mounts went with its mount namespace, so that nothing is removed through one.
  await rm(`${path}.partial`, { recursive: true, force: true });
}

async function acquire(path: string, { onProgress, signal }: RootfsOptions): Promise<() => Promise<void>> {
  for (let waited = false; ; waited = true) {
    signal?.throwIfAborted();
    try {
      return await lockfile.lock(path, { realpath: false, stale: STALE_MS });
    } catch (error) {
      if (!hasCode(error, 'ELOCKED')) throw error;
      if (!waited) onProgress?.('waiting for another kadm that makes the same root filesystem');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }
}
