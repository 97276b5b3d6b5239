import { EXIT, UserError } from '../errors.ts';
import { exists } from '../host/host.ts';
import type { Emit } from '../phases/events.ts';
import type { Phase } from '../phases/phase.ts';
import { runPhases } from '../phases/runner.ts';
import { LabHost } from './lab-host.ts';
import { withLabLock, withMachineLock } from './lock.ts';
import { parseLabName } from './names.ts';
import { labPaths } from './paths.ts';
import {
  gatewayOf,
  hostsOf,
  type LabRecord,
  labNames,
  MAX_NODES,
  readRecord,
  readRecordIfWhole,
  writeRecord,
} from './record.ts';
import { rootfsPath } from './rootfs.ts';
import { machineNetworks } from './routes.ts';
import { chooseSubnet } from './subnet.ts';
import { type UpContext, upPhases } from './up/index.ts';

/** A lab: hosts on this machine with a network of their own. */
export interface Lab {
  readonly name: string;
  readonly hosts: readonly LabHost[];
  /** The machine's address in the lab's network. */
  readonly gateway: string;
  /** Private key that opens every host as root, and the known_hosts file that goes with it. */
  readonly sshKey: string;
  readonly knownHosts: string;
  /** @throws UserError when there is no such host */
  host(name: string): LabHost;
}

export interface CreateLabOptions {
  readonly name: string;
  /** Number of hosts; as many as the lab has, or 3, when left out. */
  readonly nodes?: number;
  /** kadm's cache folder, for the root filesystem. */
  readonly cacheDirectory: string;
  /** Executable to place at /usr/local/bin/kadm on each host. */
  readonly tools?: string;
  /** Component store to show read-only at /var/cache/kadm/store on each host. */
  readonly store?: string;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
  /** What follows the hosts: nothing for a bare lab. */
  readonly further?: readonly Phase<UpContext>[];
}

/**
 * Brings a lab up: makes it, finishes one that was left half made, or switches on hosts that are off. A lab
 * that runs is left as it is.
 * @throws UserError when a lab of that name has another number of hosts
 */
export async function createLab(options: CreateLabOptions): Promise<Lab> {
  const { emit, signal } = options;
  const name = parseLabName(options.name);
  const onWait = (): void =>
    emit({ type: 'warning', path: [], message: `waiting for another kadm that works on lab ${name}` });
  const cancel = signal === undefined ? {} : { signal };
  return await withLabLock(name, { onWait, ...cancel }, async () => {
    const record = await withMachineLock(cancel, () => plan(name, options));
    const lab = labOf(record);
    const context: UpContext = { record, lab, cacheDirectory: options.cacheDirectory };
    await runPhases([...upPhases, ...(options.further ?? [])], context, { emit, ...cancel });
    return lab;
  });
}

/** The lab of this name; undefined when there is none, or nothing but remains. */
export async function openLab(name: string): Promise<Lab | undefined> {
  const record = await readRecord(parseLabName(name));
  return record === undefined ? undefined : labOf(record);
}

export interface LabStatus {
  readonly name: string;
  readonly subnet: string | undefined;
  readonly hosts: readonly { readonly name: string; readonly address: string; readonly on: boolean }[];
}

/** Every lab on this machine, whole or not. */
export async function listLabs(): Promise<LabStatus[]> {
  return await Promise.all((await labNames()).map(statusOf));
}

async function statusOf(name: string): Promise<LabStatus> {
  const record = await readRecordIfWhole(name);
  if (record === undefined) return { name, subnet: undefined, hosts: [] };
  const hosts = labOf(record).hosts.map(async (host) => ({
    name: host.name,
    address: host.address,
    on: (await host.pid()) !== undefined,
  }));
  return { name, subnet: `192.168.${record.subnet}.0/24`, hosts: await Promise.all(hosts) };
}

/** Decides what the lab is made of, and writes it down before any of it is made. */
async function plan(name: string, options: CreateLabOptions): Promise<LabRecord> {
  const present = await readRecord(name);
  if (present !== undefined) return checkPresent(present, options);
  const nodes = options.nodes ?? 3;
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_NODES) {
    throw new UserError(`a lab cannot have ${nodes} hosts`, {
      remedy: `from 1 to ${MAX_NODES}`,
      exitCode: EXIT.usage,
    });
  }
  if (options.tools !== undefined && !(await exists(options.tools))) {
    throw new UserError(`there is no executable ${options.tools} for the hosts`, { remedy: 'npm run build' });
  }
  const others = await Promise.all((await labNames()).map(readRecordIfWhole));
  const taken = others.flatMap((other) => other?.subnet ?? []);
  const record: LabRecord = {
    name,
    subnet: chooseSubnet(taken, await machineNetworks()),
    nodes,
    rootfs: rootfsPath(options.cacheDirectory),
    ...(options.tools === undefined ? {} : { tools: options.tools }),
    ...(options.store === undefined ? {} : { store: options.store }),
  };
  await writeRecord(record);
  return record;
}

function checkPresent(present: LabRecord, { nodes, tools }: CreateLabOptions): LabRecord {
  // The executable may have been built anew since.
  if (nodes === undefined || nodes === present.nodes)
    return tools === undefined ? present : { ...present, tools };
  throw new UserError(`lab ${present.name} has ${present.nodes} hosts, not ${nodes}`, {
    remedy: `remove it first (\`kadm lab down --name ${present.name}\`), or give the new one another --name`,
    exitCode: EXIT.usage,
  });
}

function labOf(record: LabRecord): Lab {
  const hosts = hostsOf(record).map((address) => new LabHost(record.name, address));
  const paths = labPaths(record.name);
  return {
    name: record.name,
    hosts,
    gateway: gatewayOf(record),
    sshKey: paths.sshKey,
    knownHosts: paths.knownHosts,
    host: (name) => {
      const found = hosts.find((host) => host.name === name);
      if (found !== undefined) return found;
      throw new UserError(`lab ${record.name} has no host ${JSON.stringify(name)}`, {
        remedy: `its hosts are ${hosts.map((host) => host.name).join(', ')}`,
        exitCode: EXIT.usage,
      });
    },
  };
}
