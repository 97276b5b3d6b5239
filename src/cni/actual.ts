import { z } from 'zod';
import type { Host } from '../host/host.ts';
import { ROUTE_PROTOCOL, type VxlanLink } from './desired.ts';
import { NFT_TABLE, type NftTable } from './network-table.ts';
import { readTable } from './nft-table.ts';

/** An interface of this host and its addresses, such as 192.168.1.5. */
export interface HostInterface {
  readonly name: string;
  readonly mtu: number;
  readonly up: boolean;
  readonly addresses: readonly {
    readonly address: string;
    readonly prefix: number;
    readonly family: string;
  }[];
}

/** A VXLAN device as the kernel has it. */
export interface ActualVxlan {
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  readonly mac: string;
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

/** What the kernel has now, of all that the network is concerned with. */
export interface Actual {
  readonly interfaces: readonly HostInterface[];
  readonly vxlans: readonly ActualVxlan[];
  /** IPv4 routes of the main table, other programs' too. */
  readonly routes: readonly ActualRoute[];
  /** Permanent neighbours of our device: MAC address by IP address. */
  readonly neighbours: ReadonlyMap<string, string>;
  /** Forwarding entries of our device. */
  readonly fdb: readonly { readonly mac: string; readonly dst: string | undefined }[];
  readonly table: NftTable | undefined;
}

const addrSchema = z.array(
  z.object({
    ifname: z.string(),
    mtu: z.number(),
    flags: z.array(z.string()),
    addr_info: z
      .array(z.object({ family: z.string(), local: z.string().optional(), prefixlen: z.number() }))
      .default([]),
  }),
);

const vxlanSchema = z.array(
  z.object({
    ifname: z.string(),
    mtu: z.number(),
    flags: z.array(z.string()),
    address: z.string(),
    linkinfo: z.object({
      info_data: z.object({
        // A device that takes the VNI from each route has none of its own.
        id: z.number().default(-1),
        port: z.number().default(0),
        local: z.string().optional(),
        link: z.string().optional(),
        learning: z.boolean().default(true),
      }),
    }),
  }),
);

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
  const links = addrSchema.parse(await ask(host, ['ip', '-json', 'address', 'show']));
  return links.map(({ ifname, mtu, flags, addr_info }) => ({
    name: ifname,
    mtu,
    up: flags.includes('UP'),
    addresses: addr_info.flatMap(({ local, prefixlen, family }) =>
      local === undefined ? [] : [{ address: local, prefix: prefixlen, family }],
    ),
  }));
}

/** Reads the kernel, side by side. @param interfaces as read before */
export async function readActual(
  host: Host,
  device: VxlanLink['name'],
  interfaces: readonly HostInterface[],
): Promise<Actual> {
  const present = interfaces.some(({ name }) => name === device);
  const [vxlans, routes, neighbours, fdb, table] = await Promise.all([
    readVxlans(host),
    readRoutes(host),
    present ? readNeighbours(host, device) : new Map<string, string>(),
    present ? readFdb(host, device) : [],
    readTable(host, 'ip', NFT_TABLE),
  ]);
  return { interfaces, vxlans, routes, neighbours, fdb, table };
}

async function readVxlans(host: Host): Promise<ActualVxlan[]> {
  const links = vxlanSchema.parse(
    await ask(host, ['ip', '-json', '-details', 'link', 'show', 'type', 'vxlan']),
  );
  return links.map(({ ifname, mtu, flags, address, linkinfo: { info_data: data } }) => ({
    name: ifname,
    up: flags.includes('UP'),
    mtu,
    mac: address.toLowerCase(),
    vni: data.id,
    port: data.port,
    local: data.local,
    underlay: data.link,
    learning: data.learning,
  }));
}

async function readRoutes(host: Host): Promise<ActualRoute[]> {
  const argv = ['ip', '-N', '-json', '-4', 'route', 'show', 'table', 'main'];
  return routeSchema.parse(await ask(host, argv)).map((route) => ({
    dst: route.dst.includes('/') || route.dst === 'default' ? route.dst : `${route.dst}/32`,
    gateway: route.gateway,
    device: route.dev,
    protocol: route.protocol ?? PROTOCOL_BOOT,
    metric: route.metric,
  }));
}

async function readNeighbours(host: Host, device: string): Promise<Map<string, string>> {
  const entries = neighbourSchema.parse(
    await ask(host, ['ip', '-json', '-4', 'neigh', 'show', 'dev', device, 'nud', 'permanent']),
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
