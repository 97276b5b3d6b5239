import { isIP } from 'node:net';
import { networkOfAddress } from '../config/cidr.ts';
import type { Family } from '../config/family.ts';
import type { HostInterface } from './actual.ts';
import type { Underlay } from './desired.ts';
import type { OwnStatus } from './node-facts.ts';

/**
 * The interface that carries the tunnel: the one that has the node's address. One choice for the kubelet's node
 * IP and the pod network, so that a host with several interfaces does not end up with its pods on another.
 * @param family of the addresses that are looked at
 * @param nodeIPs as set; the Node's internal addresses come after them
 * @returns undefined when no interface has such an address now
 */
export function findUnderlay(
  interfaces: readonly HostInterface[],
  family: Family,
  { addresses: reported }: Pick<OwnStatus, 'addresses'>,
  nodeIPs: readonly string[],
): Underlay | undefined {
  const internal = reported.flatMap(({ type, address }) => (type === 'InternalIP' ? [address] : []));
  for (const address of [...nodeIPs, ...internal]) {
    if (isIP(address) !== family) continue;
    for (const { name, mtu, addresses } of interfaces) {
      const own = addresses.find((one) => one.address === address);
      if (own === undefined) continue;
      return { device: name, mtu, address, subnet: networkOfAddress(address, own.prefix) };
    }
  }
  return undefined;
}
