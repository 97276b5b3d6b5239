import { mkdir } from 'node:fs/promises';
import { LocalHost } from '../../host/host.ts';
import { mountsBelow } from '../../host/mounts.ts';
import type { Phase } from '../../phases/phase.ts';
import { ensureDisk } from '../disk.ts';
import { ensureKeys, type LabKeys, writeIdentity } from '../identity.ts';
import type { LabHost } from '../lab-host.ts';
import { lookAtMachine, type Machine } from '../machine.ts';
import { ociConfig } from '../oci.ts';
import { hostPaths, labPaths } from '../paths.ts';
import type { HostAddress, LabRecord } from '../record.ts';
import { ensureSupervisor } from '../supervisor.ts';
import { ensureToolsLayer, refreshTools } from '../tools.ts';
import type { UpContext } from './context.ts';

export const hosts: Phase<UpContext> = {
  id: 'hosts',
  title: 'Hosts',
  needs: ['root-filesystem', 'network'],
  async run({ record, lab }, step) {
    const pids = await Promise.all(lab.hosts.map((host) => host.pid()));
    const off = lab.hosts.filter((_, index) => pids[index] === undefined);
    if (off.length === lab.hosts.length) await layDown(record);
    const [machine, keys] = await Promise.all([lookAtMachine(), ensureKeys(record)]);
    const refreshed = await Promise.all(
      lab.hosts.map((host) => prepare(record, host, off.includes(host) ? { machine, keys } : undefined)),
    );
    await switchOn(off, lab.hosts.length, step.progress, step.signal);
    const started = off.map((host) => `${host.name} ${host.address}`).join(', ');
    const newer = refreshed.includes(true) ? '; kadm on them is now this one' : '';
    step.note(off.length === 0 ? `run already${newer}` : started);
  },
};

/** What lies under all hosts; only while none of them uses it. */
async function layDown(record: LabRecord): Promise<void> {
  if (record.store !== undefined) await mkdir(record.store, { recursive: true });
  await ensureSupervisor(record.name);
  const mounts = await mountsBelow(new LocalHost(), labPaths(record.name).directory);
  if (mounts.length === 0) await ensureToolsLayer(record);
}

/** @returns whether the host got another executable than it had */
async function prepare(
  record: LabRecord,
  host: HostAddress,
  making: { machine: Machine; keys: LabKeys } | undefined,
): Promise<boolean> {
  const paths = hostPaths(record.name, host.name);
  if (making === undefined) return await refreshTools(record, paths);
  const local = new LocalHost();
  await ensureDisk(local, record, paths);
  await writeIdentity(record, host, making.keys, making.machine);
  const store = record.store === undefined ? {} : { store: record.store };
  const spec = { lab: record.name, host: host.name, ...store };
  const config = `${JSON.stringify(ociConfig(spec, making.machine), undefined, 2)}\n`;
  await local.writeFile(`${paths.bundle}/config.json`, config, { mode: 0o600 });
  return await refreshTools(record, paths);
}

async function switchOn(
  off: readonly LabHost[],
  all: number,
  progress: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let up = all - off.length;
  await Promise.all(
    off.map(async (host) => {
      await host.start({ signal });
      up += 1;
      progress(`${up} of ${all} answer`);
    }),
  );
}
