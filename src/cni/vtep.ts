import { createHash } from 'node:crypto';
import { FAMILY, type Family } from '../config/family.ts';

/** flannel's name for a tunnel device: the two can share a cluster, and tools recognise it. */
export function vxlanDevice(vni: number, family: Family): string {
  return `${FAMILY[family].tunnel}${vni}`;
}

/**
 * The MAC address of a node's tunnel end. Derived from the node's name, so that a device that is made anew has
 * the same one and peers need not change anything; locally administered and unicast (IEEE 802, 8.2).
 */
export function vtepMac(nodeName: string, family: Family): string {
  return macFrom(`kadm vtep ${family === 4 ? '' : 'IPv6 '}${nodeName}`);
}

/** The same for a node's bridge: pods find their gateway at the same MAC address when it is made anew. */
export function bridgeMac(nodeName: string): string {
  return macFrom(`kadm bridge ${nodeName}`);
}

/** The link-local IPv6 address that the kernel derives from a MAC address (RFC 4291, appendix A). */
export function linkLocalAddress(mac: string): string {
  const [a = 0, b = 0, c = 0, ...rest] = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const bytes = [a ^ 0x02, b, c, 0xff, 0xfe, ...rest];
  const groups = [0, 2, 4, 6].map((at) => (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  return `fe80::${groups.join(':')}`;
}

function macFrom(seed: string): string {
  const bytes = createHash('sha256').update(seed).digest().subarray(0, 6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** The address in lower case, or undefined when it is not the MAC address of one station. */
export function unicastMac(text: string): string | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined;
  const mac = text.toLowerCase();
  const group = (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
  return group || mac === '00:00:00:00:00:00' ? undefined : mac;
}
