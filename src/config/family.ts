import { isIPv4 } from 'node:net';

/** An IP version. */
export type Family = 4 | 6;

export const FAMILIES: readonly Family[] = [4, 6];

/** What the two families have otherwise, in the words of the tools that are asked about them. */
export interface FamilyTraits {
  /** As people read it. */
  readonly name: 'IPv4' | 'IPv6';
  /** Of an address. */
  readonly bits: 32 | 128;
  /** `family` of an address, as `ip -json` writes it. */
  readonly inet: 'inet' | 'inet6';
  /** Family of an nftables table, and protocol of its matches. */
  readonly nft: 'ip' | 'ip6';
  readonly iptables: 'iptables' | 'ip6tables';
  /** Of a route that is made without one (net/ipv6/route.c: IP6_RT_PRIO_USER). */
  readonly metric: 0 | 1024;
  /** Of the route that comes with an address (include/uapi/linux/ipv6_route.h: IP6_RT_PRIO_ADDRCONF). */
  readonly connectedMetric: 0 | 256;
  /**
   * What the tunnel adds: outer Ethernet, IP, UDP and VXLAN headers (RFC 7348, 5). The inner Ethernet header stands
   * in for the outer one, which the underlay's MTU does not count.
   */
  readonly vxlanOverhead: 50 | 70;
  /** Before the VNI in flannel's names of tunnel devices. */
  readonly tunnel: 'flannel.' | 'flannel-v6.';
  /** Names of devices have 15 characters at most (IFNAMSIZ). */
  readonly maxVni: 9_999_999 | 9_999;
  /** IP and UDP headers. */
  readonly udpHeaders: 28 | 48;
  /** An address for documentation (RFC 5737, RFC 3849): nothing is sent there, it is only asked which way that is. */
  readonly anywhere: string;
  readonly multicast: { readonly addr: string; readonly len: number };
  /** Of an nftables `reject`. */
  readonly icmp: 'icmp' | 'icmpv6';
}

export const FAMILY: Readonly<Record<Family, FamilyTraits>> = {
  4: {
    name: 'IPv4',
    bits: 32,
    inet: 'inet',
    nft: 'ip',
    iptables: 'iptables',
    metric: 0,
    connectedMetric: 0,
    vxlanOverhead: 50,
    tunnel: 'flannel.',
    maxVni: 9_999_999,
    udpHeaders: 28,
    anywhere: '192.0.2.1',
    multicast: { addr: '224.0.0.0', len: 4 },
    icmp: 'icmp',
  },
  6: {
    name: 'IPv6',
    bits: 128,
    inet: 'inet6',
    nft: 'ip6',
    iptables: 'ip6tables',
    metric: 1024,
    connectedMetric: 256,
    vxlanOverhead: 70,
    tunnel: 'flannel-v6.',
    maxVni: 9_999,
    udpHeaders: 48,
    anywhere: '2001:db8::1',
    multicast: { addr: 'ff00::', len: 8 },
    icmp: 'icmpv6',
  },
};

/** @param address that is known to be one */
export function familyOf(address: string): Family {
  return isIPv4(address) ? 4 : 6;
}

/** An address as a URL has it. @param host an address, or a name, which stays as it is */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** An address as a network of its own: 10.244.1.0/32. */
export function hostNetwork(address: string): string {
  return `${address}/${FAMILY[familyOf(address)].bits}`;
}

/** The first family of Services is the cluster's. @param serviceCidrs as flags and documents take them; unset is IPv4 */
export function primaryFamily(serviceCidrs: string | undefined): Family {
  return serviceCidrs?.split(',')[0]?.includes(':') ? 6 : 4;
}
