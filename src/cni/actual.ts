import * as z from 'zod/mini';
import { FAMILY, type Family } from '../config/family.ts';
import type { Host } from '../host/host.ts';
import { type NetworkPlan, ROUTE_PROTOCOL } from './desired.ts';
import {
  type ActualRoute,
  type ForwardingEntry,
  parseForwarding,
  parseNeighbours,
  parseRoutes,
} from './entries.ts';
import { type ForwardState, readForward } from './forward.ts';
import { NFT_TABLE, type NftTable } from './network-table.ts';
import { readTable } from './nft-table.ts';
import { vxlanDevice } from './vtep.ts';

/** An interface of this host and its addresses, such as 192.168.1.5. */
export interface HostInterface {
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly mac: string;
  /** The kernel's ifalias: where kadm marks what it made. */
  readonly alias: string | undefined;
  /** Of the kernel's kinds, such as bridge, veth, vxlan; undefined for a real device. */
  readonly kind: string | undefined;
  /** The bridge that it is plugged into. */
  readonly master: string | undefined;
  /** Set for a VXLAN device. */
  readonly vxlan: VxlanData | undefined;
  readonly addresses: readonly {
    readonly address: string;
    readonly prefix: number;
    readonly family: string;
  }[];
}

/** What the kernel knows of a VXLAN device beside what every device has. */
export interface VxlanData {
  readonly vni: number;
  readonly port: number;
  readonly local: string | undefined;
  readonly underlay: string | undefined;
  readonly learning: boolean;
}

/** What the kernel has now, of all that the network of one family is concerned with. */
export interface FamilyState {
  /** Routes of the main table, other programs' too. */
  readonly routes: readonly ActualRoute[];
  /** Permanent neighbours of our device: MAC address by IP address. */
  readonly neighbours: ReadonlyMap<string, string>;
  /** Forwarding entries of our device. */
  readonly fdb: readonly ForwardingEntry[];
  readonly table: NftTable | undefined;
  readonly forward: ForwardState;
}

/** What the kernel has now, of all that the network is concerned with. */
export interface Actual {
  readonly interfaces: readonly HostInterface[];
  readonly networks: ReadonlyMap<Family, FamilyState>;
  /** Host ends of the links of running pods that are plugged into no bridge. */
  readonly unplugged: readonly string[];
}

const addrSchema = z.array(
  z.object({
    ifname: z.string(),
    mtu: z.number(),
    flags: z.array(z.string()),
    address: z._default(z.string(), ''),
    ifalias: z.optional(z.string()),
    master: z.optional(z.string()),
    linkinfo: z._default(
      z.object({ info_kind: z.optional(z.string()), info_data: z.optional(z.unknown()) }),
      {},
    ),
    addr_info: z._default(
      z.array(z.object({ family: z.string(), local: z.optional(z.string()), prefixlen: z.number() })),
      [],
    ),
  }),
);

const vxlanSchema = z.object({
  // A device that takes the VNI from each route has none of its own.
  id: z._default(z.number(), -1),
  port: z._default(z.number(), 0),
  local: z.optional(z.string()),
  local6: z.optional(z.string()),
  link: z.optional(z.string()),
  learning: z._default(z.boolean(), true),
});

/** Interfaces and addresses of this host: what the underlay is found by. */
export async function readInterfaces(host: Host): Promise<HostInterface[]> {
  const { stdout } = await host.query(['ip', '-json', '-details', 'address', 'show']);
  const links = addrSchema.parse(JSON.parse(stdout));
  return links.map((link) => ({
    name: link.ifname,
    mtu: link.mtu,
    up: link.flags.includes('UP'),
    mac: link.address.toLowerCase(),
    alias: link.ifalias,
    kind: link.linkinfo.info_kind,
    master: link.master,
    vxlan: link.linkinfo.info_kind === 'vxlan' ? vxlanData(link.linkinfo.info_data) : undefined,
    addresses: link.addr_info.flatMap(({ local, prefixlen, family }) =>
      local === undefined ? [] : [{ address: local, prefix: prefixlen, family }],
    ),
  }));
}

function vxlanData(data: unknown): VxlanData {
  const { id, port, local, local6, link, learning } = vxlanSchema.parse(data);
  return { vni: id, port, local: local ?? local6, underlay: link, learning };
}

/** Reads what the kernel has of each family, side by side. */
export async function readFamilies(
  host: Host,
  families: readonly Family[],
  { vni }: Pick<NetworkPlan, 'vni'>,
): Promise<Map<Family, FamilyState>> {
  const states = families.map(
    async (family) => [family, await readFamily(host, family, vxlanDevice(vni, family))] as const,
  );
  return new Map(await Promise.all(states));
}

async function readFamily(host: Host, family: Family, device: string): Promise<FamilyState> {
  const present = (await host.stat(`/sys/class/net/${device}`)) !== undefined;
  const [routes, neighbours, fdb, table, forward] = await Promise.all([
    readRoutes(host, family),
    present ? readNeighbours(host, family, device) : new Map<string, string>(),
    present ? readForwarding(host, device) : [],
    readTable(host, FAMILY[family].nft, NFT_TABLE),
    readForward(host, family),
  ]);
  return { routes, neighbours, fdb, table, forward };
}

async function readRoutes(host: Host, family: Family): Promise<ActualRoute[]> {
  const argv = ['ip', '-N', '-oneline', `-${family}`, 'route', 'show', 'table', 'main'];
  return parseRoutes((await host.query(argv)).stdout);
}

async function readNeighbours(host: Host, family: Family, device: string): Promise<Map<string, string>> {
  const argv = ['ip', `-${family}`, 'neigh', 'show', 'dev', device, 'nud', 'permanent'];
  return parseNeighbours(await askOf(host, argv));
}

async function readForwarding(host: Host, device: string): Promise<ForwardingEntry[]> {
  return parseForwarding(await askOf(host, ['bridge', 'fdb', 'show', 'dev', device]));
}

/** What a query prints; nothing where the device that it asks about has just gone. */
async function askOf(host: Host, argv: readonly string[]): Promise<string> {
  const { stdout, exitCode } = await host.query(argv, { allowFailure: true });
  return exitCode === 0 ? stdout : '';
}

/** Whether a route is one that kadm made. */
export function isOurs(route: ActualRoute): boolean {
  return route.protocol === ROUTE_PROTOCOL;
}
