import type { Family } from '../config/family.ts';
import type { NodeFacts } from './node-facts.ts';
import type { Peer } from './peers.ts';
import { vtepMac } from './vtep.ts';

/**
 * Who holds each MAC address. The node whose name yields it, else the oldest: a node that announces the address
 * of another draws none of the other's traffic to itself.
 */
export function macHolders(
  claims: readonly Peer[],
  own: { readonly name: string; readonly mac: string },
  family: Family,
): ReadonlyMap<string, string> {
  const holders = new Map([[own.mac, own.name]]);
  for (const { mac, name } of claims) {
    if (mac === undefined) continue;
    // What a name yields is computed only where two claim the same.
    if (!holders.has(mac) || (mac !== own.mac && mac === vtepMac(name, family))) holders.set(mac, name);
  }
  return holders;
}

/**
 * Who holds each address of the underlay: of those that announce it, a node whose kubelet reports it too, else
 * whichever node's kubelet does, else the oldest that announces it.
 * @param claims those of some of the nodes; both by age
 */
export function addressHolders(
  nodes: readonly NodeFacts[],
  claims: readonly Peer[],
): ReadonlyMap<string, string> {
  /** The oldest node that reports each address. */
  const reported = new Map<string, string>();
  const holders = new Map<string, string>();
  let next = 0;
  for (const { name, internalIps } of nodes) {
    for (const address of internalIps) if (!reported.has(address)) reported.set(address, name);
    const claim = claims[next];
    if (claim?.name !== name) continue;
    next += 1;
    const { publicIp } = claim;
    if (internalIps.includes(publicIp) && !holders.has(publicIp)) holders.set(publicIp, name);
  }
  for (const { name, publicIp } of claims) {
    if (!holders.has(publicIp)) holders.set(publicIp, reported.get(publicIp) ?? name);
  }
  return holders;
}
