import ipaddr from 'ipaddr.js';
import { UserError } from '../errors.ts';

const FIRST = 77;
const LAST = 254;

/**
 * The third number N of the first 192.168.N.0/24, from 77 on, that no other lab has and that overlaps no
 * network of the machine.
 * @param labs third numbers of the other labs
 * @param networks IPv4 CIDRs the machine has addresses in or specific routes to; others are ignored
 * @throws UserError when there is none left
 */
export function chooseSubnet(labs: readonly number[], networks: readonly string[]): number {
  const ranges = networks.filter((text) => ipaddr.IPv4.isValidCIDR(text)).map(rangeOf);
  for (let subnet = FIRST; subnet <= LAST; subnet += 1) {
    const [first, last] = rangeOf(`192.168.${subnet}.0/24`);
    const taken = ranges.some(([start, end]) => start <= last && end >= first);
    if (!taken && !labs.includes(subnet)) return subnet;
  }
  throw new UserError(
    `no subnet from 192.168.${FIRST}.0/24 to 192.168.${LAST}.0/24 is free on this machine`,
    {
      remedy: 'remove labs that are not needed (`kadm lab list`, `kadm lab down --name NAME`)',
    },
  );
}

function rangeOf(cidr: string): [number, number] {
  return [
    numberOf(ipaddr.IPv4.networkAddressFromCIDR(cidr)),
    numberOf(ipaddr.IPv4.broadcastAddressFromCIDR(cidr)),
  ];
}

function numberOf(address: ipaddr.IPv4): number {
  return address.octets.reduce((sum, octet) => sum * 256 + octet, 0);
}
