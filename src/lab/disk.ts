import { mkdir } from 'node:fs/promises';
import type { Host } from '../host/host.ts';
import { isMountPoint } from './mounts.ts';
import { type HostPaths, labPaths, REAL_FOLDERS, volumePath } from './paths.ts';
import type { LabRecord } from './record.ts';

/**
 * Mounts a host's disk, if it is not: the host's own layer over the tools over the root filesystem. A disk
 * that is there already keeps what is on it.
 */
export async function ensureDisk(machine: Host, record: LabRecord, paths: HostPaths): Promise<void> {
  const folders = REAL_FOLDERS.map((folder) => volumePath(paths, folder));
  for (const folder of [paths.rootfs, paths.upper, paths.work, ...folders]) {
    await mkdir(folder, { recursive: true, mode: 0o755 });
  }
  if (await isMountPoint(machine, paths.rootfs)) return;
  const layers = `lowerdir=${labPaths(record.name).tools}:${record.rootfs}`;
  const own = `upperdir=${paths.upper},workdir=${paths.work}`;
  await machine.run(['mount', '-t', 'overlay', '-o', `${layers},${own}`, 'overlay', paths.rootfs]);
}
