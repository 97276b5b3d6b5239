import { mkdir } from 'node:fs/promises';
import { z } from 'zod';
import { LocalHost } from '../host/host.ts';
import { readSysctl, sysctlPath } from '../host/kernel.ts';
import { KUBELET_SYSCTLS } from '../node/kernel-settings.ts';
import { isMountPoint } from './mounts.ts';
import { STATE_ROOT } from './paths.ts';

const FILE = `${STATE_ROOT}/machine.json`;
const NETNS_FOLDER = '/run/netns';

/**
 * Limits that all hosts share, as the least that serves: a node takes about 20 of root's inotify instances, so
 * that the usual 128 end in the kubelets of a second lab (`inotify_init: too many open files`).
 */
const AT_LEAST: Readonly<Record<string, number>> = { 'fs.inotify.max_user_instances': 8192 };

/** What systemd raises at every start as PID 1 (src/core/main.c, bump_file_max_and_nr_open), hosts' too. */
const RAISED_BY_HOSTS = ['fs.file-max', 'fs.nr_open'];

const stateSchema = z.strictObject({
  sysctls: z.record(z.string(), z.string()),
  /** What `ip netns add` found: it makes the folder, and a mount of it, and never removes them. */
  netnsFolder: z.enum(['absent', 'plain', 'mounted']),
});

type MachineState = z.infer<typeof stateSchema>;

/** Makes the machine fit for hosts; what was there before is kept for the end of the last lab. Repeatable. */
export async function prepareMachine(): Promise<void> {
  const host = new LocalHost();
  const [known, now] = [await readState(host), await lookAround(host)];
  // An older kadm may have kept less: what it did not change is as it was.
  const state = known === undefined ? now : { ...known, sysctls: { ...now.sysctls, ...known.sysctls } };
  await mkdir(STATE_ROOT, { recursive: true, mode: 0o700 });
  await host.writeFile(FILE, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  for (const [key, least] of Object.entries(AT_LEAST)) {
    const present = await readSysctl(host, key);
    if (present !== undefined && Number(present) < least) {
      await host.writeKernelFile(sysctlPath(key), String(least));
    }
  }
  for (const [key, value] of Object.entries(KUBELET_SYSCTLS)) {
    const present = await readSysctl(host, key);
    if (present !== undefined && present !== value) await host.writeKernelFile(sysctlPath(key), value);
  }
}

/**
 * Gives the machine back what prepareMachine changed; a setting that somebody changed meanwhile stays.
 * Called when the last lab is gone.
 */
export async function restoreMachine(): Promise<void> {
  const host = new LocalHost();
  const state = await readState(host);
  if (state === undefined) return;
  for (const [key, before] of Object.entries(state.sysctls)) {
    const present = await readSysctl(host, key);
    const set = KUBELET_SYSCTLS[key] ?? AT_LEAST[key]?.toString();
    const ours = RAISED_BY_HOSTS.includes(key) || present === set;
    if (ours && present !== before) await host.writeKernelFile(sysctlPath(key), before);
  }
  await restoreNetnsFolder(host, state.netnsFolder);
  await host.removeFile(FILE);
}

async function lookAround(host: LocalHost): Promise<MachineState> {
  const sysctls: Record<string, string> = {};
  for (const key of [...Object.keys(KUBELET_SYSCTLS), ...Object.keys(AT_LEAST), ...RAISED_BY_HOSTS]) {
    const value = await readSysctl(host, key);
    if (value !== undefined) sysctls[key] = value;
  }
  const folder = await host.stat(NETNS_FOLDER);
  const mounted = await isMountPoint(host, NETNS_FOLDER);
  return { sysctls, netnsFolder: folder === undefined ? 'absent' : mounted ? 'mounted' : 'plain' };
}

async function restoreNetnsFolder(host: LocalHost, before: MachineState['netnsFolder']): Promise<void> {
  // Namespaces that others have made meanwhile keep the folder in use.
  if (before === 'mounted' || (await host.list(NETNS_FOLDER)).length > 0) return;
  while (await isMountPoint(host, NETNS_FOLDER)) await host.run(['umount', NETNS_FOLDER]);
  if (before === 'absent') await host.removeDirectory(NETNS_FOLDER);
}

async function readState(host: LocalHost): Promise<MachineState | undefined> {
  const text = await host.readFile(FILE);
  return text === undefined ? undefined : stateSchema.parse(JSON.parse(text.toString('utf8')));
}
