import { isDeepStrictEqual } from 'node:util';
import { type Actual, type ActualVxlan, isOurs } from './actual.ts';
import { type Desired, ROUTE_PROTOCOL, type VxlanLink } from './desired.ts';
import type { NftTable } from './network-table.ts';

/** One change of the kernel: words for `ip -batch` or `bridge -batch`, or a whole table for nft. */
export type Step =
  | { readonly tool: 'ip' | 'bridge'; readonly kind: StepKind; readonly words: readonly string[] }
  | { readonly tool: 'nft'; readonly kind: 'nftables'; readonly table: NftTable };

/** What is repaired, as logs and counters name it. */
export type StepKind = 'link' | 'address' | 'neighbour' | 'fdb' | 'route' | 'nftables';

export interface Difference {
  /** In the order in which they are to be made. */
  readonly steps: readonly Step[];
  /** What another program holds and kadm does not take from it, in words for a log. */
  readonly conflicts: readonly string[];
}

/** The steps from what the kernel has to what it should have; none where it has just that. */
export function difference(desired: Desired, actual: Actual): Difference {
  const conflicts: string[] = [];
  const link = linkSteps(desired.link, actual, conflicts);
  // What lies on a device that is made anew is gone with the old one.
  const seen: Actual = link.fresh ? { ...actual, neighbours: new Map(), fdb: [] } : actual;
  const routes = routeSteps(desired, seen, link.fresh, conflicts);
  const steps = [
    ...routes.remove,
    ...link.steps,
    ...neighbourSteps(desired, seen),
    ...fdbSteps(desired, seen),
    ...routes.add,
    ...(isDeepStrictEqual(desired.table, actual.table)
      ? []
      : [{ tool: 'nft', kind: 'nftables', table: desired.table } as const]),
  ];
  return { steps: conflicts.length > 0 && link.blocked ? [] : steps, conflicts };
}

function linkSteps(
  link: VxlanLink,
  actual: Actual,
  conflicts: string[],
): { steps: Step[]; fresh: boolean; blocked: boolean } {
  const steps: Step[] = [];
  const same = (one: ActualVxlan): boolean => one.vni === link.vni && one.port === link.port;
  for (const other of actual.vxlans.filter((one) => one.name !== link.name && same(one))) {
    // Ours under another name: the kernel allows only one device for a VNI and port.
    if (other.mac === link.mac) steps.push(ip('link', 'link', 'delete', 'dev', other.name));
    else {
      conflicts.push(`device ${other.name} of another program has VNI ${link.vni} on UDP port ${link.port}`);
      return { steps: [], fresh: false, blocked: true };
    }
  }
  const present = actual.vxlans.find((one) => one.name === link.name);
  const host = actual.interfaces.find(({ name }) => name === link.name);
  if (present !== undefined && isSameTunnel(present, link)) {
    steps.push(...repairSteps(link, present), ...addressSteps(link, host?.addresses ?? []));
    return { steps, fresh: false, blocked: false };
  }
  if (present !== undefined || host !== undefined) steps.push(ip('link', 'link', 'delete', 'dev', link.name));
  steps.push(
    ...newLinkSteps(link),
    ...addressSteps(link, []),
    ip('link', 'link', 'set', 'dev', link.name, 'up'),
  );
  return { steps, fresh: true, blocked: false };
}

/** What cannot be changed on a device: it takes a new one. */
function isSameTunnel(present: ActualVxlan, link: VxlanLink): boolean {
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
    // No link-local IPv6 address: it would only make the kernel send router solicitations into the tunnel.
    ip('link', 'link', 'set', 'dev', link.name, 'addrgenmode', 'none'),
  ];
}

function repairSteps(link: VxlanLink, present: ActualVxlan): Step[] {
  const set = (...words: string[]): Step => ip('link', 'link', 'set', 'dev', link.name, ...words);
  return [
    ...(present.mac === link.mac ? [] : [set('address', link.mac)]),
    ...(present.mtu === link.mtu ? [] : [set('mtu', String(link.mtu))]),
    ...(present.up ? [] : [set('up')]),
  ];
}

function addressSteps(link: VxlanLink, present: Actual['interfaces'][number]['addresses']): Step[] {
  const wanted = `${link.address}/32`;
  const found = present.flatMap(({ address, prefix, family }) =>
    family === 'inet' ? [`${address}/${prefix}`] : [],
  );
  const address = (verb: string, cidr: string): Step =>
    ip('address', 'address', verb, cidr, 'dev', link.name);
  return [
    ...found.filter((one) => one !== wanted).map((one) => address('delete', one)),
    ...(found.includes(wanted) ? [] : [address('add', wanted)]),
  ];
}

function neighbourSteps({ link, neighbours }: Desired, actual: Actual): Step[] {
  const steps: Step[] = [];
  for (const address of actual.neighbours.keys()) {
    if (!neighbours.has(address)) steps.push(ip('neighbour', 'neigh', 'delete', address, 'dev', link.name));
  }
  for (const [address, mac] of neighbours) {
    if (actual.neighbours.get(address) === mac) continue;
    steps.push(
      ip('neighbour', 'neigh', 'replace', address, 'lladdr', mac, 'dev', link.name, 'nud', 'permanent'),
    );
  }
  return steps;
}

function fdbSteps({ link, fdb }: Desired, actual: Actual): Step[] {
  const steps: Step[] = [];
  const present = new Map<string, string>();
  for (const { mac, dst } of actual.fdb) {
    if (fdb.has(mac) && dst !== undefined) present.set(mac, dst);
    else
      steps.push(
        bridge('fdb', 'delete', mac, 'dev', link.name, ...(dst === undefined ? [] : ['dst', dst]), 'self'),
      );
  }
  for (const [mac, dst] of fdb) {
    if (present.get(mac) === dst) continue;
    steps.push(bridge('fdb', 'replace', mac, 'dev', link.name, 'dst', dst, 'self', 'permanent'));
  }
  return steps;
}

function routeSteps(
  { link, routes }: Desired,
  actual: Actual,
  fresh: boolean,
  conflicts: string[],
): { remove: Step[]; add: Step[] } {
  const remove: Step[] = [];
  const present = new Set<string>();
  const foreign = new Map<string, string>();
  for (const route of actual.routes) {
    const onDevice = route.device === link.name;
    // Deleting the device takes its routes along.
    if (fresh && onDevice) continue;
    if (!isOurs(route)) {
      if (route.metric === 0) foreign.set(route.dst, route.device ?? 'no device');
    } else if (onDevice && route.metric === 0 && routes.get(route.dst) === route.gateway)
      present.add(route.dst);
    else
      remove.push(
        ip('route', 'route', 'delete', route.dst, ...viaOf(route), 'proto', String(ROUTE_PROTOCOL)),
      );
  }
  const add: Step[] = [];
  for (const [dst, gateway] of routes) {
    if (present.has(dst)) continue;
    const holder = foreign.get(dst);
    if (holder !== undefined) {
      conflicts.push(`another program's route to ${dst} by ${holder} is in the way`);
      continue;
    }
    const words = [dst, 'via', gateway, 'dev', link.name, 'onlink', 'proto', String(ROUTE_PROTOCOL)];
    add.push(ip('route', 'route', 'replace', ...words));
  }
  return { remove, add };
}

function viaOf({ gateway, device, metric }: Actual['routes'][number]): string[] {
  return [
    ...(gateway === undefined ? [] : ['via', gateway]),
    ...(device === undefined ? [] : ['dev', device]),
    ...(metric === 0 ? [] : ['metric', String(metric)]),
  ];
}

function ip(kind: StepKind, ...words: string[]): Step {
  return { tool: 'ip', kind, words };
}

function bridge(...words: string[]): Step {
  return { tool: 'bridge', kind: 'fdb', words };
}
