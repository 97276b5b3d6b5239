import { hostNetwork } from '../config/family.ts';

// Of routes, neighbours and forwarding entries there is one for each peer. They are read from the tools' text: to have
// thousands of them as JSON, and that checked by a schema, takes several times as long as the kernel takes to tell them.

export interface ActualRoute {
  readonly dst: string;
  readonly gateway: string | undefined;
  readonly device: string | undefined;
  readonly protocol: number;
  readonly metric: number;
}

export interface ForwardingEntry {
  readonly mac: string;
  readonly dst: string | undefined;
}

/** rtm_protocol of a route of which `ip` tells none: boot, what `ip route add` uses (rtnetlink(7)). */
const PROTOCOL_BOOT = 3;

/** Where a route leads that has one next hop: nearly all, and all of ours. */
const ROUTE = /^(\S+)(?: via (\S+))? dev (\S+) proto (\d+)((?: \S+)*)$/;

/** @param text of `ip -N -oneline route show` */
export function parseRoutes(text: string): ActualRoute[] {
  return Array.from(linesOf(text), (line) => {
    const [, dst, gateway, device, protocol, rest] = ROUTE.exec(line) ?? [];
    if (dst === undefined) return parseAnyRoute(line);
    const metric = metricIn(rest ?? '');
    return { dst: networkOf(dst), gateway, device, protocol: Number(protocol), metric };
  });
}

function metricIn(words: string): number {
  return words.includes(' metric ') ? Number(/ metric (\d+)/.exec(words)?.[1]) : 0;
}

/** Also one of another type than unicast, which comes first then, or of several next hops, each after a backslash. */
function parseAnyRoute(line: string): ActualRoute {
  const words = (line.split('\\')[0] ?? '').split(' ');
  const typed = words[0] !== 'default' && !/[.:]/.test(words[0] ?? '');
  const after = (key: string): string | undefined => {
    const at = words.indexOf(key);
    return at === -1 ? undefined : words[at + 1];
  };
  const via = after('via');
  return {
    dst: networkOf(words[typed ? 1 : 0] ?? ''),
    gateway: via === 'inet6' ? after('inet6') : via,
    device: after('dev'),
    protocol: Number(after('proto') ?? PROTOCOL_BOOT),
    metric: Number(after('metric') ?? 0),
  };
}

function networkOf(dst: string): string {
  return dst.includes('/') || dst === 'default' ? dst : hostNetwork(dst);
}

/** @param text of `ip neigh show dev X`: MAC address by IP address, empty where there is none */
export function parseNeighbours(text: string): Map<string, string> {
  const neighbours = new Map<string, string>();
  for (const line of linesOf(text)) {
    const [, address = '', mac = ''] = /^(\S+)(?: lladdr (\S+))?/.exec(line) ?? [];
    neighbours.set(address, mac);
  }
  return neighbours;
}

/** @param text of `bridge fdb show dev X` */
export function parseForwarding(text: string): ForwardingEntry[] {
  return Array.from(linesOf(text), (line) => {
    const [, mac = '', dst] = /^(\S+)(?:.*? dst (\S+))?/.exec(line) ?? [];
    return { mac, dst };
  });
}

/** One at a time: what would be kept of all until the last is read would be moved about by the garbage collector. */
function* linesOf(text: string): Generator<string> {
  let start = 0;
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
    if (end > start) yield text.slice(start, end).trimEnd();
    start = end + 1;
  }
}
