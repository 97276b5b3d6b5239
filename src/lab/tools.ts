import { copyFile, link, mkdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from '../errors.ts';
import { type HostPaths, labPaths } from './paths.ts';
import type { LabRecord } from './record.ts';

const EXECUTABLE = 'usr/local/bin/kadm';

/** Node reads dates in nanoseconds but writes them as a floating-point number. */
const DATE_PRECISION_MS = 1;

/**
 * Makes the layer with the executable that all hosts of a lab share: a hard link where the file system
 * allows, so that it costs nothing. Only while no host's disk is mounted: it lies under their overlays.
 */
export async function ensureToolsLayer(record: LabRecord): Promise<void> {
  const target = `${labPaths(record.name).tools}/${EXECUTABLE}`;
  await mkdir(dirname(target), { recursive: true, mode: 0o755 });
  await rm(target, { force: true });
  if (record.tools === undefined) return;
  try {
    await link(record.tools, target);
  } catch (error) {
    if (!hasCode(error, 'EXDEV') && !hasCode(error, 'EPERM')) throw error;
    await copyDated(record.tools, target);
  }
}

/**
 * Gives a host, whose disk is mounted, the executable as it is now; a program that runs there keeps its own.
 * Size and date tell whether it is another one.
 * @returns whether there was anything to do
 */
export async function refreshTools(record: LabRecord, paths: HostPaths): Promise<boolean> {
  if (record.tools === undefined) return false;
  const target = `${paths.rootfs}/${EXECUTABLE}`;
  const [wanted, present] = await Promise.all([stat(record.tools), stat(target).catch(() => undefined)]);
  if (present?.size === wanted.size && Math.abs(present.mtimeMs - wanted.mtimeMs) < DATE_PRECISION_MS) {
    return false;
  }
  await copyDated(record.tools, `${target}.new`);
  await rename(`${target}.new`, target);
  return true;
}

async function copyDated(source: string, target: string): Promise<void> {
  const { atime, mtime } = await stat(source);
  await copyFile(source, target);
  await utimes(target, atime, mtime);
}
