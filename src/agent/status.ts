import { readdir, readFile } from 'node:fs/promises';
import * as z from 'zod/mini';
import { competingConfigurations } from '../cni/conflist.ts';
import { FAMILY } from '../config/family.ts';
import { LocalHost } from '../host/host.ts';
import { installedPeers } from './metrics.ts';
import type { NetworkRecord } from './network-record.ts';
import type { NetworkFacts } from './pass-facts.ts';
import type { ProbeResult } from './probed-peers.ts';

const summary = z.object({
  sent: z.number(),
  loss: z.number(),
  lastMs: z.optional(z.number()),
  averageMs: z.optional(z.number()),
  lostInRow: z.number(),
});

/** What an agent tells of its node's network at /status. */
export const agentStatusSchema = z.object({
  node: z.string(),
  backend: z.string(),
  /** Bytes that a packet of a pod may have. */
  mtu: z.optional(z.number()),
  /** One for each family, the primary one first. */
  networks: z.array(
    z.object({
      family: z.enum(['IPv4', 'IPv6']),
      /** The tunnel, or the underlay's interface where there is none. */
      device: z.string(),
      podCidr: z.string(),
      /** Packets of the device. */
      received: z.number(),
      sent: z.number(),
    }),
  ),
  peers: z.object({ wanted: z.number(), installed: z.number() }),
  /** Whether pods may start here; else why not. */
  ready: z.boolean(),
  why: z.optional(z.string()),
  lastRepair: z.optional(
    z.object({
      at: z.string(),
      trigger: z.string(),
      steps: z.number(),
      kinds: z.record(z.string(), z.number()),
      shown: z.array(z.string()),
    }),
  ),
  lastFailure: z.optional(z.object({ at: z.string(), message: z.string() })),
  conflicts: z.array(z.string()),
  /** What works, but not as it was meant. */
  warnings: z.array(z.string()),
  refusals: z.array(z.object({ node: z.string(), reason: z.string() })),
  probes: z.array(
    z.object({
      node: z.string(),
      family: z.enum(['IPv4', 'IPv6']),
      state: z.string(),
      why: z.optional(z.string()),
      probedAt: z.optional(z.string()),
      small: summary,
      full: summary,
    }),
  ),
  /** What others have done to this host that breaks pod networks. */
  host: z.object({
    /** CNI configurations that the container runtime would take before kadm's. */
    competingCni: z.array(z.string()),
    /** net.ipv4.conf.X.rp_filter where it is 1 (strict), by interface. */
    strictReversePath: z.array(z.string()),
    counters: z.record(z.string(), z.number()),
  }),
});

export type AgentStatus = z.infer<typeof agentStatusSchema>;

export interface StatusSources {
  readonly node: string;
  readonly backend: string;
  readonly record: NetworkRecord;
  readonly probes: readonly ProbeResult[];
  readonly whyBroken: string | undefined;
}

export async function agentStatus(sources: StatusSources): Promise<AgentStatus> {
  const { node, backend, record, probes } = sources;
  const { facts, lastRepair, lastFailure } = record;
  const whyBroken = facts?.lacking ?? sources.whyBroken;
  return {
    node,
    backend: facts?.backend ?? backend,
    ...(facts === undefined ? {} : { mtu: facts.mtu }),
    networks: await Promise.all((facts?.networks ?? []).map(networkStatus)),
    peers: { wanted: record.peersWanted, installed: installedPeers(record) },
    ready: facts !== undefined && whyBroken === undefined,
    ...(whyBroken === undefined ? {} : { why: whyBroken }),
    ...(lastRepair === undefined
      ? {}
      : { lastRepair: { ...lastRepair, kinds: { ...lastRepair.kinds }, shown: [...lastRepair.shown] } }),
    ...(lastFailure === undefined ? {} : { lastFailure }),
    conflicts: [...(facts?.conflicts ?? [])],
    warnings: [...(facts?.warnings ?? [])],
    refusals: (facts?.refusals ?? []).map(({ node: refused, reason }) => ({ node: refused, reason })),
    probes: [...probes],
    host: {
      competingCni: await competingConfigurations(new LocalHost()),
      strictReversePath: await strictReversePath(),
      counters: await dropCounters(),
    },
  };
}

const CONF = '/proc/sys/net/ipv4/conf';

/** The kernel uses the larger of the value for all and the interface's own (ip-sysctl.rst, rp_filter). */
async function strictReversePath(): Promise<string[]> {
  const names = await readdir(CONF).catch(() => []);
  const values = await Promise.all(
    names.map(
      async (name) =>
        [name, Number(await readFile(`${CONF}/${name}/rp_filter`, 'utf8').catch(() => '0'))] as const,
    ),
  );
  const all = values.find(([name]) => name === 'all')?.[1] ?? 0;
  return values
    .filter(([name, value]) => name !== 'all' && name !== 'default' && Math.max(all, value) === 1)
    .map(([name]) => name);
}

async function networkStatus({ family, device, podCidr }: NetworkFacts): Promise<AgentStatus['networks'][0]> {
  const read = async (name: string): Promise<number> =>
    Number(await readFile(`/sys/class/net/${device}/statistics/${name}`, 'utf8').catch(() => '0'));
  const counters = { received: await read('rx_packets'), sent: await read('tx_packets') };
  return { family: FAMILY[family].name, device, podCidr, ...counters };
}

/** Packets that the kernel dropped for their return path or their checksum (Linux MIB counters). */
async function dropCounters(): Promise<Record<string, number>> {
  const text = `${await readFile('/proc/net/netstat', 'utf8')}${await readFile('/proc/net/snmp', 'utf8')}`;
  const text6 = await readFile('/proc/net/snmp6', 'utf8').catch(() => '');
  return {
    reversePathDrops: counterIn(text, 'TcpExt', 'IPReversePathFilter'),
    // TCP counts both families together.
    checksumErrors:
      counterIn(text, 'Udp', 'InCsumErrors') +
      counterIn(text, 'Tcp', 'InCsumErrors') +
      Number(/^Udp6InCsumErrors\s+(\d+)/m.exec(text6)?.[1] ?? 0),
  };
}

/** One counter of /proc/net/netstat or snmp: a line of names, then a line of values, both under the group's name. */
export function counterIn(text: string, group: string, name: string): number {
  const [names, values] = text.split('\n').filter((line) => line.startsWith(`${group}: `));
  const index = names?.split(' ').indexOf(name) ?? -1;
  return index === -1 ? 0 : Number(values?.split(' ')[index] ?? 0);
}
