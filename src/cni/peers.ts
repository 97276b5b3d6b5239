import { isIP } from 'node:net';
import { type Cidr, canonicalAddress, contains, parseCidr } from '../config/cidr.ts';
import { FAMILY, type Family } from '../config/family.ts';
import { type Backend, onSameSubnet } from './backend.ts';
import { CidrSet } from './cidr-set.ts';
import type { Underlay } from './desired.ts';
import { addressHolders, macHolders } from './holders.ts';
import { ANNOTATION, FAMILY_ANNOTATIONS, type NodeFacts } from './node-facts.ts';
import { unicastMac } from './vtep.ts';

/** Another node, checked: what may reach the kernel. */
export interface Peer {
  readonly name: string;
  readonly podCidr: Cidr;
  readonly backend: Backend;
  /** Where its tunnel ends, in lower case; undefined for host-gw, which has none. */
  readonly mac: string | undefined;
  readonly publicIp: string;
}

/** A Node that is left out of the network, and why, in words fit for a log. */
export interface Refusal {
  readonly node: string;
  readonly reason: string;
  /** `unreachable`: nothing is wrong with it, but its backend or ours does not lead there. */
  readonly kind: 'claim' | 'unreachable';
}

/** What a claim is judged by alone, whatever other Nodes and this host have. */
export interface ClaimRules {
  readonly family: Family;
  readonly clusterCidrs: readonly Cidr[];
  readonly vni: number;
}

/** What a peer must not claim, and what it must lie within. */
export interface PeerRules extends ClaimRules {
  readonly backend: Backend;
  readonly underlay: Underlay;
  readonly own: { readonly name: string; readonly podCidr: Cidr; readonly mac: string };
  /** All addresses of this host. */
  readonly ownAddresses: readonly string[];
}

/** A refused claim: a reason, not a failure of ours. */
class Refused extends Error {
  readonly kind: Refusal['kind'];

  constructor(message: string, kind: Refusal['kind'] = 'claim') {
    super(message);
    this.kind = kind;
  }
}

/** What was found of Nodes before, by the same rules: of thousands, few have changed since. */
export type Claims = WeakMap<NodeFacts, Claim>;

/** Undefined of a Node that announces nothing yet. */
type Claim = Peer | Refused | undefined;

/**
 * Sorts the other Nodes into peers and refusals. What a Node says of itself is not trusted: it can neither
 * take over what is another's nor what is ours, nor bring anything unparsed to the kernel. Nodes that have
 * no pod CIDR or no annotations yet are in neither list. The result does not depend on the order of `nodes`.
 * @param known of a call with the same cluster CIDRs and VNI; it is added to
 */
export function choosePeers(
  nodes: Iterable<NodeFacts>,
  rules: PeerRules,
  known: Claims = new WeakMap(),
): { readonly peers: readonly Peer[]; readonly refusals: readonly Refusal[] } {
  const refusals: Refusal[] = [];
  const claims: Peer[] = [];
  const all = byAge(nodes);
  for (const node of all) {
    if (node.name === rules.own.name) continue;
    const claim = notOurs(knownClaim(node, rules, known), rules);
    if (claim instanceof Refused) refusals.push(refusal(node.name, claim));
    else if (claim !== undefined) claims.push(claim);
  }
  const cidrs = new CidrSet();
  cidrs.add(rules.own.podCidr, rules.own.name);
  const holders = macHolders(claims, rules.own, rules.family);
  const hosts = addressHolders(all, claims);
  const peers = claims.filter((peer) =>
    collect(peer.name, refusals, () => {
      const holder = peer.mac === undefined ? peer.name : holders.get(peer.mac);
      if (holder !== peer.name) throw new Refused(`its MAC address ${peer.mac} is that of ${holder}`);
      const host = hosts.get(peer.publicIp);
      if (host !== peer.name) throw new Refused(`its public IP ${peer.publicIp} is that of ${host}`);
      refuseUnreachable(peer, rules);
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
    refusals.push(refusal(node, error));
    return false;
  }
}

function refusal(node: string, { message, kind }: Refused): Refusal {
  return { node, reason: message, kind };
}

/** What a Node claims, checked as far as it can be without all others; found again, where it was looked at before. */
export function knownClaim(node: NodeFacts, rules: ClaimRules, known: Claims): Claim {
  if (known.has(node)) return known.get(node);
  let claim: Claim;
  try {
    claim = claimOf(node, rules);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    claim = error;
  }
  known.set(node, claim);
  return claim;
}

function byAge(nodes: Iterable<NodeFacts>): NodeFacts[] {
  return [...nodes].sort((a, b) => a.createdAt - b.createdAt || (a.name < b.name ? -1 : 1));
}

/** Tunnels do not lead to ourselves. */
function notOurs(claim: Claim, { ownAddresses }: PeerRules): Claim {
  if (claim === undefined || claim instanceof Refused || !ownAddresses.includes(claim.publicIp)) return claim;
  return new Refused(`its public IP ${claim.publicIp} is this host's`);
}

/** Without a tunnel the next hop must be the peer itself. */
function refuseUnreachable({ backend, publicIp }: Peer, { backend: own, underlay }: PeerRules): void {
  const who = own === 'host-gw' ? 'this node' : backend === 'host-gw' ? 'it' : undefined;
  if (who === undefined || onSameSubnet(underlay, publicIp)) return;
  throw new Refused(
    `${who} has backend host-gw, and its address ${publicIp} is not in ${underlay.subnet.text}`,
    'unreachable',
  );
}

/** What a Node announces, parsed; undefined when it announces nothing yet. */
function claimOf(node: NodeFacts, rules: ClaimRules): Peer | undefined {
  const [oversized] = node.oversized;
  if (oversized !== undefined) throw new Refused(`its annotation ${oversized} is longer than any real one`);
  const keys = FAMILY_ANNOTATIONS[rules.family];
  const { [keys.publicIp]: ip, [keys.data]: data } = node.annotations;
  const type = node.annotations[ANNOTATION.backendType];
  const podCidr = podCidrOf(node.podCidrs, rules);
  if (podCidr === undefined || ip === undefined || data === undefined) return undefined;
  const backend = backendOf(type ?? '', node.annotations[ANNOTATION.backend]);
  const mac = backend === 'host-gw' ? undefined : macFrom(data, rules.vni);
  return { name: node.name, podCidr, backend, mac, publicIp: publicIpFrom(ip, rules) };
}

/** What flannel's type says; only our own annotation tells that a tunnel is one of `auto`. */
function backendOf(type: string, own: string | undefined): Backend {
  if (type === 'vxlan') return own === 'auto' ? 'auto' : 'vxlan';
  if (type === 'host-gw') return type;
  throw new Refused(`its backend is ${quote(type)}, not vxlan or host-gw`);
}

function podCidrOf(texts: readonly string[], { family, clusterCidrs }: ClaimRules): Cidr | undefined {
  for (const text of texts) {
    const cidr = parsedCidr(text);
    if (cidr.family !== family) continue;
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

function macFrom(data: string, ownVni: number): string {
  const { vni, mac } = backendData(data) ?? {};
  if (vni === undefined || mac === undefined) {
    throw new Refused(`its backend data ${quote(data)} has no VNI and MAC address`);
  }
  if (vni !== ownVni) throw new Refused(`its VNI is ${vni}, not ${ownVni}`);
  return mac;
}

/** As flannel writes it: {"VNI":1,"VtepMAC":"5e:00:00:00:00:01"}. */
function backendData(text: string): { vni: number | undefined; mac: string | undefined } | undefined {
  const data = parsedJson(text);
  if (typeof data !== 'object' || data === null) return undefined;
  const { VNI: vni, VtepMAC: mac } = data as Readonly<Record<string, unknown>>;
  return {
    vni: typeof vni === 'number' ? vni : undefined,
    mac: typeof mac === 'string' ? unicastMac(mac) : undefined,
  };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Tunnels lead to one machine of the underlay: not into the pod network, not to a group. */
function publicIpFrom(text: string, { family, clusterCidrs }: ClaimRules): string {
  const address = isIP(text) === family && !text.includes('%') ? canonicalAddress(text) : undefined;
  if (address === undefined || UNUSABLE.some((range) => contains(range, address))) {
    throw new Refused(`its public IP ${quote(text)} is not the ${FAMILY[family].name} address of a host`);
  }
  if (clusterCidrs.some((cluster) => contains(cluster, address))) {
    throw new Refused(`its public IP ${address} lies within the pod network`);
  }
  return address;
}

/**
 * This network, loopback, multicast, broadcast, IPv4 in the form of IPv6, and what is an address on one link only
 * (IANA special-purpose registries).
 */
const UNUSABLE = [
  ...['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/4', '255.255.255.255/32'],
  ...['::/127', '::ffff:0:0/96', 'fe80::/10', 'ff00::/8'],
].map(parseCidr);

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
