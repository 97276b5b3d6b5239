import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { type Cidr, contains, parseCidr } from '../config/cidr.ts';
import { CidrSet } from './cidr-set.ts';
import { ANNOTATION, type NodeFacts } from './node-facts.ts';
import { unicastMac, vtepMac } from './vtep.ts';

/** Another node, checked: what may reach the kernel. */
export interface Peer {
  readonly name: string;
  readonly podCidr: Cidr;
  /** Where its tunnel ends, in lower case. */
  readonly mac: string;
  readonly publicIp: string;
}

/** A Node that is left out of the network, and why, in words fit for a log. */
export interface Refusal {
  readonly node: string;
  readonly reason: string;
}

/** What a peer must not claim, and what it must lie within. */
export interface PeerRules {
  readonly clusterCidrs: readonly Cidr[];
  readonly vni: number;
  readonly own: { readonly name: string; readonly podCidr: Cidr; readonly mac: string };
  /** All addresses of this host. */
  readonly ownAddresses: readonly string[];
}

const backendDataSchema = z.object({ VNI: z.number(), VtepMAC: z.string() });

/** A refused claim: a reason, not a failure of ours. */
class Refused extends Error {}

/**
 * Sorts the other Nodes into peers and refusals. What a Node says of itself is not trusted: it can neither
 * take over what is another's nor what is ours, nor bring anything unparsed to the kernel. Nodes that have
 * no pod CIDR or no annotations yet are in neither list. The result does not depend on the order of `nodes`.
 */
export function choosePeers(
  nodes: Iterable<NodeFacts>,
  rules: PeerRules,
): { readonly peers: readonly Peer[]; readonly refusals: readonly Refusal[] } {
  const refusals: Refusal[] = [];
  const claims: Peer[] = [];
  for (const node of byAge(nodes)) {
    if (node.name === rules.own.name) continue;
    collect(node.name, refusals, () => {
      const peer = claimOf(node, rules);
      if (peer !== undefined) claims.push(peer);
    });
  }
  const cidrs = new CidrSet();
  cidrs.add(rules.own.podCidr, rules.own.name);
  const holders = macHolders(claims, rules.own);
  const peers = claims.filter((peer) =>
    collect(peer.name, refusals, () => {
      const holder = holders.get(peer.mac);
      if (holder !== peer.name) throw new Refused(`its MAC address ${peer.mac} is that of ${holder}`);
      const owner = cidrs.add(peer.podCidr, peer.name);
      if (owner !== undefined)
        throw new Refused(`its pod CIDR ${peer.podCidr.text} overlaps that of ${owner}`);
    }),
  );
  return { peers, refusals };
}

function collect(node: string, refusals: Refusal[], check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    refusals.push({ node, reason: error.message });
    return false;
  }
}

function byAge(nodes: Iterable<NodeFacts>): NodeFacts[] {
  return [...nodes].sort((a, b) => a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1));
}

/**
 * Who holds each MAC address. The node whose name yields it, else the oldest: a node that announces the address
 * of another draws none of the other's traffic to itself.
 */
function macHolders(claims: readonly Peer[], own: PeerRules['own']): ReadonlyMap<string, string> {
  const holders = new Map([[own.mac, own.name]]);
  for (const { mac, name } of claims) if (!holders.has(mac)) holders.set(mac, name);
  for (const { mac, name } of claims) if (mac !== own.mac && mac === vtepMac(name)) holders.set(mac, name);
  return holders;
}

/** What a Node announces, parsed; undefined when it announces nothing yet. */
function claimOf(node: NodeFacts, rules: PeerRules): Peer | undefined {
  const [oversized] = node.oversized;
  if (oversized !== undefined) throw new Refused(`its annotation ${oversized} is longer than any real one`);
  const { [ANNOTATION.publicIp]: ip, [ANNOTATION.backendData]: data } = node.annotations;
  const type = node.annotations[ANNOTATION.backendType];
  const podCidr = ipv4Cidr(node.podCidrs, rules);
  if (podCidr === undefined || ip === undefined || data === undefined) return undefined;
  if (type !== 'vxlan') throw new Refused(`its backend is ${quote(type ?? '')}, not vxlan`);
  return { name: node.name, podCidr, mac: macFrom(data, rules.vni), publicIp: publicIpFrom(ip, rules) };
}

function ipv4Cidr(texts: readonly string[], { clusterCidrs }: PeerRules): Cidr | undefined {
  for (const text of texts) {
    const cidr = parsedCidr(text);
    if (cidr.family !== 4) continue;
    if (!clusterCidrs.some((cluster) => within(cidr, cluster))) {
      throw new Refused(`its pod CIDR ${cidr.text} is not within the cluster's`);
    }
    return cidr;
  }
  return undefined;
}

function within(inner: Cidr, outer: Cidr): boolean {
  const address = inner.text.slice(0, inner.text.indexOf('/'));
  return inner.family === outer.family && inner.prefix >= outer.prefix && contains(outer, address);
}

function parsedCidr(text: string): Cidr {
  try {
    return parseCidr(text);
  } catch {
    throw new Refused(`its pod CIDR is ${quote(text)}, which is not one`);
  }
}

function macFrom(data: string, vni: number): string {
  const parsed = backendDataSchema.safeParse(parsedJson(data));
  const mac = parsed.success ? unicastMac(parsed.data.VtepMAC) : undefined;
  if (!parsed.success || mac === undefined) {
    throw new Refused(`its backend data ${quote(data)} has no VNI and MAC address`);
  }
  if (parsed.data.VNI !== vni) throw new Refused(`its VNI is ${parsed.data.VNI}, not ${vni}`);
  return mac;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Tunnels lead to one machine of the underlay: not to ourselves, not into the pod network, not to a group. */
function publicIpFrom(text: string, { ownAddresses, clusterCidrs }: PeerRules): string {
  const parsed = ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text) : undefined;
  const range = parsed?.range();
  const usable = range !== undefined && !UNUSABLE_RANGES.has(range);
  if (parsed === undefined || !usable) {
    throw new Refused(`its public IP ${quote(text)} is not the IPv4 address of a host`);
  }
  const address = parsed.toString();
  if (ownAddresses.includes(address)) throw new Refused(`its public IP ${address} is this host's`);
  if (clusterCidrs.some((cluster) => contains(cluster, address))) {
    throw new Refused(`its public IP ${address} lies within the pod network`);
  }
  return address;
}

const UNUSABLE_RANGES: ReadonlySet<string> = new Set(['unspecified', 'broadcast', 'multicast', 'loopback']);

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
