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
 */
export function addressHolders(
  nodes: readonly NodeFacts[],
  claims: readonly Peer[],
): ReadonlyMap<string, string> {
  const reported = new Map<string, string[]>();
  for (const { name, internalIps } of nodes) {
    for (const address of internalIps) reported.set(address, [...(reported.get(address) ?? []), name]);
  }
  const holders = new Map<string, string>();
  for (const { name, publicIp } of claims) {
    if (reported.get(publicIp)?.includes(name) && !holders.has(publicIp)) holders.set(publicIp, name);
  }
  for (const { name, publicIp } of claims) {
    if (!holders.has(publicIp)) holders.set(publicIp, reported.get(publicIp)?.[0] ?? name);
  }
  return holders;
}
