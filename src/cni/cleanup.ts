import { z } from 'zod';
import { UserError } from '../errors.ts';
import type { RunResult } from '../host/command.ts';
import { DryRunHost } from '../host/dry-run.ts';
import type { Host } from '../host/host.ts';
import { BASE_TABLES, isEmptyBaseTable } from './base-tables.ts';
import { removeConflist } from './conflist.ts';
import { ROUTE_PROTOCOL } from './desired.ts';
import { CLUSTER_CHAINS, iptablesCleanup, OWN_CHAINS } from './iptables-cleanup.ts';
import { removeNetworkManagerSettings } from './network-manager.ts';
import { NFT_TABLE } from './network-table.ts';
import { OWNER_ALIAS } from './ownership.ts';

/** Tables of kube-proxy in nftables mode, and of the CNI plugin portmap. */
const CLUSTER_TABLES = ['ip kube-proxy', 'ip6 kube-proxy', 'ip cni_hostport', 'ip6 cni_hostport'] as const;

const linksSchema = z.array(
  z.object({
    ifname: z.string(),
    ifalias: z.string().optional(),
    master: z.string().optional(),
    linkinfo: z.object({ info_kind: z.string().optional() }).optional(),
  }),
);

/**
 * Removes what the pod network and kube-proxy made on a host, and nothing else. They must not run any more.
 * Can be repeated; what is not there, programs too, is passed over.
 * @param tablesBefore nftables tables (`family name`) that were there before kadm: those stay, empty or not
 */
export async function removeNetwork(host: Host, tablesBefore: readonly string[]): Promise<void> {
  await removeOwnNetwork(host, CLUSTER_CHAINS);
  for (const table of await presentTables(host)) {
    const ours = (CLUSTER_TABLES as readonly string[]).includes(table);
    const base = BASE_TABLES.includes(table) && !tablesBefore.includes(table);
    if (base && host instanceof DryRunHost) {
      host.say(`remove the nftables table ${table}, if nothing is left in it`);
    } else if (ours || (base && (await isLeft(host, table)))) {
      await attempt(host, ['nft', 'delete', 'table', ...table.split(' ')]);
    }
  }
}

/**
 * Removes what the pod network alone made: for another one to come in its place.
 * @param chains of iptables to remove, by the start of their names
 */
export async function removeOwnNetwork(host: Host, chains: readonly string[] = OWN_CHAINS): Promise<void> {
  await removeConflist(host);
  for (const family of ['-4', '-6'])
    await attempt(host, ['ip', family, 'route', 'flush', 'proto', String(ROUTE_PROTOCOL)]);
  const { stdout } = await host.query(['ip', '-json', '-details', 'link', 'show']);
  for (const link of clusterLinks(stdout)) await attempt(host, ['ip', 'link', 'delete', 'dev', link]);
  for (const family of ['iptables', 'ip6tables']) await cleanIptables(host, family, chains);
  for (const family of ['ip', 'ip6']) await attempt(host, ['nft', 'delete', 'table', family, NFT_TABLE]);
  await removeNetworkManagerSettings(host);
}

/**
 * The tunnel and the bridge that carry our mark, under whatever name, and the ends of pods' links that are
 * plugged into that bridge, as `ip -json -details` lists them. A foreign flannel.1 or cni0 is none of them.
 */
export function clusterLinks(text: string): string[] {
  const links = linksSchema.parse(JSON.parse(text));
  const marked = links.filter(
    ({ ifalias, linkinfo }) => ifalias === OWNER_ALIAS && MARKED_KINDS.includes(linkinfo?.info_kind ?? ''),
  );
  const names = new Set(marked.map(({ ifname }) => ifname));
  const ports = links.filter(
    ({ master, linkinfo }) => master !== undefined && names.has(master) && linkinfo?.info_kind === 'veth',
  );
  return [...names, ...ports.map(({ ifname }) => ifname)];
}

const MARKED_KINDS: readonly string[] = ['bridge', 'vxlan'];

async function cleanIptables(host: Host, program: string, chains: readonly string[]): Promise<void> {
  const save = await ask(host, [`${program}-save`]);
  const input = iptablesCleanup(save?.stdout ?? '', chains);
  if (input !== '') await host.run([`${program}-restore`, '--noflush'], { input });
}

/** `family name` of each nftables table of this host. */
async function presentTables(host: Host): Promise<string[]> {
  const { stdout = '' } = (await ask(host, ['nft', 'list', 'tables'])) ?? {};
  return stdout.split('\n').flatMap((line) => /^table (\S+ \S+)/.exec(line)?.[1] ?? []);
}

async function isLeft(host: Host, table: string): Promise<boolean> {
  const found = await ask(host, ['nft', '-j', 'list', 'table', ...table.split(' ')]);
  return found?.exitCode === 0 && isEmptyBaseTable(found.stdout);
}

/** Undefined where the program is not installed: it has then made nothing either. */
async function ask(host: Host, argv: readonly string[]): Promise<RunResult | undefined> {
  try {
    return await host.query(argv, { allowFailure: true });
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

async function attempt(host: Host, argv: readonly string[]): Promise<void> {
  await host.run(argv, { allowFailure: true });
}
