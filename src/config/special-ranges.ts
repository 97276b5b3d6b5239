import { type Cidr, contains, overlaps, parseCidr } from './cidr.ts';

interface SpecialRange {
  readonly cidr: Cidr;
  readonly name: string;
  /** Goes after one address, and after several. */
  readonly why: string;
}

/**
 * Where no node, pod or Service can be (RFC 6890; RFC 4291, 2.4 and 2.5). The API server, the kubelet and kubeadm refuse
 * most of them too, once they run.
 */
const RANGES: readonly SpecialRange[] = [
  range('0.0.0.0/8', 'unspecified', 'which no host has as its own'),
  range('127.0.0.0/8', 'loopback', 'which other hosts cannot reach'),
  range('169.254.0.0/16', 'link-local', 'which no router passes on'),
  range('224.0.0.0/4', 'multicast', 'by which no single host can be reached'),
  range('255.255.255.255/32', 'broadcast', 'by which no single host can be reached'),
  range('::/128', 'unspecified', 'which no host has as its own'),
  range('::1/128', 'loopback', 'which other hosts cannot reach'),
  range('fe80::/10', 'link-local', 'which no router passes on'),
  range('ff00::/8', 'multicast', 'by which no single host can be reached'),
];

function range(cidr: string, name: string, why: string): SpecialRange {
  return { cidr: parseCidr(cidr), name, why };
}

/** Why a host cannot have this address in a cluster, in words that go after it; undefined where it can. */
export function specialAddress(address: string): string | undefined {
  const found = RANGES.find(({ cidr }) => contains(cidr, address));
  if (found === undefined) return undefined;
  const article = /^[aeiou]/.test(found.name) ? 'an' : 'a';
  return `is ${article} ${found.name} address, ${found.why}`;
}

/** Why nothing of a cluster can have the addresses of this network; undefined where it can. */
export function specialNetwork(network: Cidr): string | undefined {
  const found = RANGES.find(({ cidr }) => overlaps(cidr, network));
  if (found === undefined) return undefined;
  return `${network.text} has ${found.name} addresses (${found.cidr.text}), ${found.why}`;
}
