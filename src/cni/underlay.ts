import { networkOfAddress } from '../config/cidr.ts';
import type { HostInterface } from './actual.ts';
import type { Underlay } from './desired.ts';
import type { OwnStatus } from './node-facts.ts';

/**
 * The interface that carries the tunnel: the one that has the node's address. One choice for the kubelet's node
 * IP and the pod network, so that a host with several interfaces does not end up with its pods on another.
 * @param nodeIP as set; the Node's internal IPv4 address when left out
 * @returns undefined when no interface has that address now
 */
export function findUnderlay(
  interfaces: readonly HostInterface[],
  node: Pick<OwnStatus, 'addresses'>,
  nodeIP: string | undefined,
): Underlay | undefined {
  const wanted = [...(nodeIP === undefined ? [] : [nodeIP]), ...internalIpv4(node)];
  for (const address of wanted) {
    for (const { name, mtu, addresses } of interfaces) {
      const own = addresses.find((one) => one.address === address);
      if (own === undefined) continue;
      return { device: name, mtu, address, subnet: networkOfAddress(address, own.prefix) };
    }
  }
  return undefined;
}

function internalIpv4({ addresses }: Pick<OwnStatus, 'addresses'>): string[] {
  return addresses.flatMap(({ type, address }) =>
    type === 'InternalIP' && !address.includes(':') ? [address] : [],
  );
}
