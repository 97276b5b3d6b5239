import { z } from 'zod';
import { FAMILY, type Family, hostNetwork } from '../config/family.ts';
import type { Host } from '../host/host.ts';
import { unpluggedPods } from './bridge-ports.ts';
import { type Desired, type FamilyNetwork, ROUTE_PROTOCOL } from './desired.ts';
import { type ForwardState, readForward } from './forward.ts';
import { NFT_TABLE, type NftTable } from './network-table.ts';
import { readTable } from './nft-table.ts';

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

export interface ActualRoute {
  readonly dst: string;
  readonly gateway: string | undefined;
  readonly device: string | undefined;
  readonly protocol: number;
  readonly metric: number;
}

/** What the kernel has now, of all that the network of one family is concerned with. */
export interface FamilyState {
  /** Routes of the main table, other programs' too. */
  readonly routes: readonly ActualRoute[];
  /** Permanent neighbours of our device: MAC address by IP address. */
  readonly neighbours: ReadonlyMap<string, string>;
  /** Forwarding entries of our device. */
  readonly fdb: readonly { readonly mac: string; readonly dst: string | undefined }[];
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
    address: z.string().default(''),
    ifalias: z.string().optional(),
    master: z.string().optional(),
    linkinfo: z.object({ info_kind: z.string().optional(), info_data: z.unknown() }).partial().default({}),
    addr_info: z
      .array(z.object({ family: z.string(), local: z.string().optional(), prefixlen: z.number() }))
      .default([]),
  }),
);

const vxlanSchema = z.object({
  // A device that takes the VNI from each route has none of its own.
  id: z.number().default(-1),
  port: z.number().default(0),
  local: z.string().optional(),
  local6: z.string().optional(),
  link: z.string().optional(),
  learning: z.boolean().default(true),
});

const routeSchema = z.array(
  z.object({
    dst: z.string(),
    gateway: z.string().optional(),
    dev: z.string().optional(),
    protocol: z.coerce.number().optional(),
    metric: z.number().default(0),
  }),
);

const neighbourSchema = z.array(
  z.object({ dst: z.string(), lladdr: z.string().optional(), state: z.array(z.string()).default([]) }),
);

const fdbSchema = z.array(z.object({ mac: z.string(), dst: z.string().optional() }));

/** rtm_protocol of a route of which `ip` tells none: boot, what `ip route add` uses (rtnetlink(7)). */
const PROTOCOL_BOOT = 3;

/** Interfaces and addresses of this host: what the underlay is found by. */
export async function readInterfaces(host: Host): Promise<HostInterface[]> {
  const links = addrSchema.parse(await ask(host, ['ip', '-json', '-details', 'address', 'show']));
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

/** Reads the kernel, side by side. @param interfaces as read before */
export async function readActual(
  host: Host,
  { networks }: Pick<Desired, 'networks'>,
  interfaces: readonly HostInterface[],
): Promise<Actual> {
  const [states, unplugged] = await Promise.all([
    Promise.all(
      networks.map(async (network) => [network.family, await readFamily(host, network, interfaces)] as const),
    ),
    unpluggedPods(host, interfaces),
  ]);
  return { interfaces, networks: new Map(states), unplugged };
}

async function readFamily(
  host: Host,
  { family, tunnelDevice: device }: FamilyNetwork,
  interfaces: readonly HostInterface[],
): Promise<FamilyState> {
  const present = interfaces.some(({ name }) => name === device);
  const [routes, neighbours, fdb, table, forward] = await Promise.all([
    readRoutes(host, family),
    present ? readNeighbours(host, family, device) : new Map<string, string>(),
    present ? readFdb(host, device) : [],
    readTable(host, FAMILY[family].nft, NFT_TABLE),
    readForward(host, family),
  ]);
  return { routes, neighbours, fdb, table, forward };
}

async function readRoutes(host: Host, family: Family): Promise<ActualRoute[]> {
  const argv = ['ip', '-N', '-json', `-${family}`, 'route', 'show', 'table', 'main'];
  return routeSchema.parse(await ask(host, argv)).map((route) => ({
    dst: route.dst.includes('/') || route.dst === 'default' ? route.dst : hostNetwork(route.dst),
    gateway: route.gateway,
    device: route.dev,
    protocol: route.protocol ?? PROTOCOL_BOOT,
    metric: route.metric,
  }));
}

async function readNeighbours(host: Host, family: Family, device: string): Promise<Map<string, string>> {
  const entries = neighbourSchema.parse(
    await ask(host, ['ip', '-json', `-${family}`, 'neigh', 'show', 'dev', device, 'nud', 'permanent']),
  );
  return new Map(entries.map(({ dst, lladdr }) => [dst, lladdr?.toLowerCase() ?? '']));
}

async function readFdb(host: Host, device: string): Promise<{ mac: string; dst: string | undefined }[]> {
  const entries = fdbSchema.parse(await ask(host, ['bridge', '-json', 'fdb', 'show', 'dev', device]));
  return entries.map(({ mac, dst }) => ({ mac: mac.toLowerCase(), dst }));
}

/** What a query prints as JSON; nothing where the device that it asks about has just gone. */
async function ask(host: Host, argv: readonly string[]): Promise<unknown> {
  const { stdout, exitCode } = await host.query(argv, { allowFailure: argv.includes('dev') });
  return exitCode !== 0 || stdout.trim() === '' ? [] : JSON.parse(stdout);
}

/** Whether a route is one that kadm made. */
export function isOurs(route: ActualRoute): boolean {
  return route.protocol === ROUTE_PROTOCOL;
}
