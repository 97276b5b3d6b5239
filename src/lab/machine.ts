import { readFile } from 'node:fs/promises';
import { exists } from '../host/host.ts';
import { boundingSet, type Capability } from './capabilities.ts';

/** What of this machine decides how a host must be made. */
export interface Machine {
  readonly cgroups: 'v1' | 'v2';
  /** What root has here. */
  readonly capabilities: readonly Capability[];
  /** Of the device files and folders that hosts may share, those that are there. */
  readonly shared: readonly string[];
}

const SHARED = ['/dev/kmsg', '/dev/fuse', '/lib/modules'];

export async function lookAtMachine(): Promise<Machine> {
  const [unified, status, found] = await Promise.all([
    exists('/sys/fs/cgroup/cgroup.controllers'),
    readFile('/proc/self/status', 'utf8'),
    Promise.all(SHARED.map(exists)),
  ]);
  return {
    cgroups: unified ? 'v2' : 'v1',
    capabilities: boundingSet(status),
    shared: SHARED.filter((_, index) => found[index]),
  };
}
