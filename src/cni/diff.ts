import { isDeepStrictEqual } from 'node:util';
import { FAMILY, familyOf } from '../config/family.ts';
import type { Actual, FamilyState, HostInterface } from './actual.ts';
import { bridgeSteps, ownPodsSteps } from './bridge.ts';
import type { Desired, FamilyNetwork, VxlanLink } from './desired.ts';
import { forwardCommands, forwardDiffers, NO_FORWARD } from './forward.ts';
import type { NftTable } from './network-table.ts';
import { isMarked, OWNER_ALIAS } from './ownership.ts';
import { routeSteps } from './routes.ts';
import { addAddress, addressSteps, bridge, ip, removeLink } from './steps.ts';

/** One change of the kernel: words for `ip -batch` or `bridge -batch`, or a whole table for nft or iptables. */
export type Step =
  | { readonly tool: 'ip' | 'bridge'; readonly kind: StepKind; readonly words: readonly string[] }
  | { readonly tool: 'nft'; readonly kind: 'nftables'; readonly table: NftTable }
  | {
      readonly tool: 'iptables-restore' | 'ip6tables-restore';
      readonly kind: 'forward';
      readonly input: string;
    };

/** What is repaired, as logs and counters name it. */
export type StepKind = 'link' | 'bridge' | 'address' | 'neighbour' | 'fdb' | 'route' | 'nftables' | 'forward';

export interface Difference {
  /** In the order in which they are to be made. */
  readonly steps: readonly Step[];
  /** What another program holds and kadm does not take from it, in words for a log. */
  readonly conflicts: readonly string[];
  /** Whether one of the conflicts keeps this node out of the network; there are then no steps. */
  readonly blocked: boolean;
}

/** The steps from what the kernel has to what it should have; none where it has just that. */
export function difference(desired: Desired, actual: Actual): Difference {
  const conflicts: string[] = [];
  const families = desired.networks.map((network) => familySteps(network, actual, conflicts));
  const pods = bridgeSteps(desired.bridge, actual, conflicts);
  const whole = families.flatMap((steps) => steps ?? []);
  if (whole.length < families.length || pods === undefined) return { steps: [], conflicts, blocked: true };
  const steps = [...whole.flatMap(({ ways }) => ways), ...pods, ...whole.flatMap(({ rest }) => rest)];
  return { steps, conflicts, blocked: false };
}

/** What is done before the bridge of both families, and what after it. */
interface FamilySteps {
  readonly ways: readonly Step[];
  readonly rest: readonly Step[];
}

const NOTHING: FamilyState = {
  routes: [],
  neighbours: new Map(),
  fdb: [],
  table: undefined,
  forward: NO_FORWARD,
};

/** Undefined where another program has what the tunnel needs. */
function familySteps(network: FamilyNetwork, actual: Actual, conflicts: string[]): FamilySteps | undefined {
  const state = actual.networks.get(network.family) ?? NOTHING;
  const tunnel = tunnelSteps(network, actual.interfaces, conflicts);
  if (tunnel === undefined) return undefined;
  // What lies on a device that is made anew is gone with the old one.
  const seen: FamilyState = tunnel.fresh ? { ...state, neighbours: new Map(), fdb: [] } : state;
  const routes = routeSteps(network, seen, tunnel.fresh, conflicts);
  const ways = [
    ...routes.remove,
    ...tunnel.make,
    ...neighbourSteps(network, seen),
    ...fdbSteps(network, seen),
    ...routes.add,
    // A tunnel that nobody needs any more goes when all routes lead past it.
    ...tunnel.remove,
  ];
  const rest = [
    ...ownPodsSteps(network, actual, conflicts),
    ...(isDeepStrictEqual(network.table, state.table)
      ? []
      : [{ tool: 'nft', kind: 'nftables', table: network.table } as const]),
    ...forwardSteps(network, state),
  ];
  return { ways, rest };
}

interface TunnelSteps {
  readonly make: readonly Step[];
  readonly remove: readonly Step[];
  /** Whether the device will have nothing on it. */
  readonly fresh: boolean;
}

/** Undefined where another program has what the tunnel needs. */
function tunnelSteps(
  { family, link }: FamilyNetwork,
  interfaces: Actual['interfaces'],
  conflicts: string[],
): TunnelSteps | undefined {
  const isStale = ({ name, vxlan }: HostInterface): boolean =>
    name !== link?.name && vxlan?.local !== undefined && familyOf(vxlan.local) === family;
  const stale = interfaces.filter((one) => isMarked(one) && isStale(one));
  const remove = stale.map(({ name }) => removeLink('link', name));
  if (link === undefined) return { make: [], remove, fresh: false };
  for (const other of interfaces.filter((one) => holdsTunnel(one, link) && !isMarked(one))) {
    conflicts.push(`device ${other.name} of another program has VNI ${link.vni} on UDP port ${link.port}`);
    return undefined;
  }
  const present = interfaces.find(({ name }) => name === link.name);
  if (present !== undefined && !isOwnTunnel(present, link)) {
    conflicts.push(
      `device ${link.name} is another program's: where that runs no more, remove it (ip link delete ${link.name})`,
    );
    return undefined;
  }
  if (present?.vxlan !== undefined && isSameTunnel(present.vxlan, link)) {
    const make = [
      ...remove,
      ...repairSteps(link, present),
      ...addressSteps(link.name, link.address, present),
    ];
    return { make, remove: [], fresh: false };
  }
  const old = present === undefined ? [] : [removeLink('link', link.name)];
  return { make: [...remove, ...old, ...newLinkSteps(link)], remove: [], fresh: true };
}

/** Has what the kernel gives to one device of a family only: VNI and port; our own name is looked at apart. */
function holdsTunnel({ name, vxlan }: HostInterface, link: VxlanLink): boolean {
  if (name === link.name || vxlan?.vni !== link.vni || vxlan.port !== link.port) return false;
  return vxlan.local === undefined || familyOf(vxlan.local) === familyOf(link.local);
}

/** By its mark; or by our MAC address, where whoever made it was ended before it was marked. */
function isOwnTunnel(present: HostInterface, { mac }: VxlanLink): boolean {
  return present.vxlan !== undefined && (isMarked(present) || present.mac === mac);
}

/** What cannot be changed on a device: it takes a new one. */
function isSameTunnel(present: NonNullable<HostInterface['vxlan']>, link: VxlanLink): boolean {
  return (
    present.vni === link.vni &&
    present.port === link.port &&
    present.local === link.local &&
    present.underlay === link.underlay &&
    !present.learning
  );
}

function newLinkSteps(link: VxlanLink): Step[] {
  const device = ['name', link.name, 'address', link.mac, 'mtu', String(link.mtu), 'type', 'vxlan'];
  const tunnel = ['id', String(link.vni), 'local', link.local, 'dev', link.underlay];
  return [
    ip('link', 'link', 'add', ...device, ...tunnel, 'dstport', String(link.port), 'nolearning'),
    ip('link', 'link', 'set', 'dev', link.name, 'alias', OWNER_ALIAS),
    // No link-local IPv6 address: it would only make the kernel send router solicitations into the tunnel.
    ip('link', 'link', 'set', 'dev', link.name, 'addrgenmode', 'none'),
    addAddress(link.name, link.address),
    ip('link', 'link', 'set', 'dev', link.name, 'up'),
  ];
}

function repairSteps(link: VxlanLink, present: HostInterface): Step[] {
  const set = (...words: string[]): Step => ip('link', 'link', 'set', 'dev', link.name, ...words);
  return [
    ...(isMarked(present) ? [] : [set('alias', OWNER_ALIAS)]),
    ...(present.mac === link.mac ? [] : [set('address', link.mac)]),
    ...(present.mtu === link.mtu ? [] : [set('mtu', String(link.mtu))]),
    ...(present.up ? [] : [set('up')]),
  ];
}

function forwardSteps({ family, forward }: FamilyNetwork, actual: FamilyState): Step[] {
  if (!forwardDiffers(forward, actual.forward)) return [];
  const input = forwardCommands(actual.forward.drops ? forward : [], actual.forward);
  return [{ tool: `${FAMILY[family].iptables}-restore`, kind: 'forward', input }];
}

function neighbourSteps({ tunnelDevice, link, neighbours }: FamilyNetwork, actual: FamilyState): Step[] {
  // With the device its entries go too.
  if (link === undefined) return [];
  const steps: Step[] = [];
  for (const address of actual.neighbours.keys()) {
    if (!neighbours.has(address))
      steps.push(ip('neighbour', 'neigh', 'delete', address, 'dev', tunnelDevice));
  }
  for (const [address, mac] of neighbours) {
    if (actual.neighbours.get(address) === mac) continue;
    steps.push(
      ip('neighbour', 'neigh', 'replace', address, 'lladdr', mac, 'dev', tunnelDevice, 'nud', 'permanent'),
    );
  }
  return steps;
}

function fdbSteps({ tunnelDevice, link, fdb }: FamilyNetwork, actual: FamilyState): Step[] {
  if (link === undefined) return [];
  const steps: Step[] = [];
  const present = new Map<string, string>();
  for (const { mac, dst } of actual.fdb) {
    if (fdb.has(mac) && dst !== undefined) present.set(mac, dst);
    else
      steps.push(
        bridge(
          'fdb',
          'fdb',
          'delete',
          mac,
          'dev',
          tunnelDevice,
          ...(dst === undefined ? [] : ['dst', dst]),
          'self',
        ),
      );
  }
  for (const [mac, dst] of fdb) {
    if (present.get(mac) === dst) continue;
    steps.push(bridge('fdb', 'fdb', 'replace', mac, 'dev', tunnelDevice, 'dst', dst, 'self', 'permanent'));
  }
  return steps;
}
