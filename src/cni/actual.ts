import * as z from 'zod/mini';
import { FAMILY, type Family } from '../config/family.ts';
import { CommandError } from '../host/command.ts';
import type { Host } from '../host/host.ts';
import { type NetworkPlan, ROUTE_PROTOCOL } from './desired.ts';
import {
  type ActualRoute,
  type ForwardingEntry,
  parseForwarding,
  parseNeighbours,
  parseRoutes,
} from './entries.ts';
import { type ForwardState, NO_FORWARD, parseForward } from './forward.ts';
import { NFT_TABLE, type NftTable } from './network-table.ts';
import { parseTable } from './nft-table.ts';
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

/**
 * One program for all that is asked: to start one stops this process for some 4 ms, and the agent asks every 30 s. After
 * each answer comes its exit code, between record separators.
 */
const QUESTIONS = `
answer() { "$@"; printf '\\036%s\\036' "$?"; }
where() { [ ! -e "/sys/class/net/$1" ] || { shift; "$@"; }; }
answer ip -json -details address show
while [ $# -gt 0 ]; do
  answer ip -N -oneline "-$1" route show table main
  answer where "$2" ip "-$1" neigh show dev "$2" nud permanent
  answer where "$2" bridge fdb show dev "$2"
  answer nft -j list table "$3" ${NFT_TABLE}
  answer "$4-save" -t filter
  shift 4
done`;

/** How many of them are asked of each family. */
const OF_FAMILY = 5;

/**
 * What the kernel has of interfaces, and of the network of each of these families.
 * @throws CommandError where it does not tell its interfaces, or the routes of a family
 */
export async function readKernel(
  host: Host,
  families: readonly Family[],
  { vni }: Pick<NetworkPlan, 'vni'>,
): Promise<Pick<Actual, 'interfaces' | 'networks'>> {
  const asked = families.flatMap((family) => {
    const { nft, iptables } = FAMILY[family];
    return [String(family), vxlanDevice(vni, family), nft, iptables];
  });
  const argv = ['sh', '-c', QUESTIONS, 'kadm-look', ...asked];
  const { stdout, stderr } = await host.query(argv);
  const [interfaces, ...others] = answersIn(stdout);
  const networks = families.map((family, index): [Family, FamilyState | undefined] => [
    family,
    familyState(family, others.slice(index * OF_FAMILY, (index + 1) * OF_FAMILY)),
  ]);
  const known = networks.filter((one): one is [Family, FamilyState] => one[1] !== undefined);
  if (interfaces === undefined || known.length < families.length)
    throw new CommandError(argv, 'not all is told', undefined, stderr);
  return { interfaces: parseInterfaces(interfaces), networks: new Map(known) };
}

/** Undefined for one whose program failed. */
function answersIn(text: string): (string | undefined)[] {
  const parts = text.split('\x1e');
  return parts.flatMap((answer, index) =>
    index % 2 === 0 && index + 1 < parts.length ? [parts[index + 1] === '0' ? answer : undefined] : [],
  );
}

/** Undefined without routes. Where there is no device of ours nothing is on it. */
function familyState(
  family: Family,
  [routes, neighbours = '', fdb = '', table, rules]: readonly (string | undefined)[],
): FamilyState | undefined {
  if (routes === undefined) return undefined;
  return {
    routes: parseRoutes(routes),
    neighbours: parseNeighbours(neighbours),
    fdb: parseForwarding(fdb),
    table: table === undefined ? undefined : parseTable(table, FAMILY[family].nft, NFT_TABLE),
    forward: rules === undefined ? NO_FORWARD : parseForward(rules),
  };
}

/** @param json of `ip -json -details address show` */
function parseInterfaces(json: string): HostInterface[] {
  const links = addrSchema.parse(JSON.parse(json));
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

/** Whether a route is one that kadm made. */
export function isOurs(route: ActualRoute): boolean {
  return route.protocol === ROUTE_PROTOCOL;
}
