import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { hasCode } from '../errors.ts';
import { exists } from '../host/host.ts';

const MOUNT = '/sys/fs/cgroup';

/** The folder of each cgroup hierarchy: one with v2, one for each set of controllers with v1. */
async function hierarchies(): Promise<string[]> {
  if (await exists(`${MOUNT}/cgroup.controllers`)) return [MOUNT];
  return (await directories(MOUNT)).map((name) => `${MOUNT}/${name}`);
}

/**
 * Files to write a process id to, for a process to belong to a lab (its supervisors do): the lab's cgroup
 * `supervisors` in each hierarchy that takes processes without further settings.
 */
export async function supervisorCgroups(lab: string): Promise<string[]> {
  const usable = (await hierarchies()).filter((path) => !/\/(cpuset|unified)$/.test(path));
  return usable.map((path) => `${path}/kadm-lab/${lab}/supervisors`);
}

/** The cgroup folders of a lab that there are, one a hierarchy. */
export async function cgroupsOf(lab: string): Promise<string[]> {
  const paths = (await hierarchies()).map((path) => `${path}/kadm-lab/${lab}`);
  const found = await Promise.all(paths.map(exists));
  return paths.filter((_, index) => found[index]);
}

/** Names of the labs that have cgroups. */
export async function labsWithCgroups(): Promise<string[]> {
  const names = await Promise.all((await hierarchies()).map((path) => directories(`${path}/kadm-lab`)));
  return [...new Set(names.flat())];
}

/** Process ids in a lab's cgroups. */
export async function processesOf(lab: string): Promise<number[]> {
  const lists = await Promise.all((await cgroupsOf(lab)).map(processesBelow));
  return [...new Set(lists.flat())];
}

/**
 * Wakes what is frozen in a lab's cgroups. runc freezes a container for a moment to change its settings, and under cgroup v1
 * what is frozen does not even end by SIGKILL: a power cut in that moment would leave it for ever.
 */
export async function thaw(lab: string): Promise<void> {
  for (const path of await cgroupsOf(lab)) {
    if (path.startsWith(`${MOUNT}/freezer/`)) await thawBelow(path);
  }
}

async function thawBelow(path: string): Promise<void> {
  for (const name of await directories(path)) await thawBelow(`${path}/${name}`);
  const state = `${path}/freezer.state`;
  // Gone meanwhile, or the lab's root, which cannot be frozen.
  const present = await readFile(state, 'utf8').catch(() => '');
  if (present.trim() !== '' && present.trim() !== 'THAWED') await writeFile(state, 'THAWED').catch(() => {});
}

/** Removes a lab's cgroups, and their common parent when no other lab is left. Those in use stay. */
export async function removeCgroups(lab: string): Promise<void> {
  for (const path of await hierarchies()) {
    await removeBelow(`${path}/kadm-lab/${lab}`);
    await removeOne(`${path}/kadm-lab`);
  }
}

async function processesBelow(path: string): Promise<number[]> {
  const own = await readFile(`${path}/cgroup.procs`, 'utf8').catch(() => '');
  const below = await Promise.all((await directories(path)).map((name) => processesBelow(`${path}/${name}`)));
  return [...own.split('\n').filter(Boolean).map(Number), ...below.flat()];
}

async function removeBelow(path: string): Promise<void> {
  for (const name of await directories(path)) await removeBelow(`${path}/${name}`);
  await removeOne(path);
}

async function removeOne(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    const harmless = ['ENOENT', 'EBUSY', 'ENOTEMPTY'].some((code) => hasCode(error, code));
    if (!harmless) throw error;
  }
}

async function directories(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}
