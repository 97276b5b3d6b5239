import { expect, it } from 'vitest';
import { parseCidr } from '../../../src/config/cidr.ts';
import { specialAddress, specialNetwork } from '../../../src/config/special-ranges.ts';

it.each([
  ['127.0.0.1', 'is a loopback address, which other hosts cannot reach'],
  ['::1', 'is a loopback address'],
  ['169.254.7.1', 'is a link-local address, which no router passes on'],
  ['fe80::1', 'is a link-local address'],
  ['224.0.0.1', 'is a multicast address'],
  ['ff02::1', 'is a multicast address'],
  ['255.255.255.255', 'is a broadcast address'],
  ['0.0.0.0', 'is an unspecified address, which no host has as its own'],
  ['::', 'is an unspecified address'],
])('%s is no address of a node', (address, why) => {
  expect(specialAddress(address)).toContain(why);
});

it.each(['10.0.0.1', '100.64.0.1', '192.0.2.1', '128.0.0.1', '2001:db8::1', 'fd00::1', 'no address'])(
  '%s is nothing special',
  (address) => expect(specialAddress(address)).toBeUndefined(),
);

it.each([
  ['127.0.0.0/16', '127.0.0.0/16 has loopback addresses (127.0.0.0/8), which other hosts cannot reach'],
  ['96.0.0.0/3', '96.0.0.0/3 has loopback addresses'],
  ['169.254.0.0/16', 'link-local'],
  ['224.0.0.0/8', 'multicast'],
  ['0.0.0.0/16', 'unspecified'],
  ['fe80::/64', 'link-local'],
  ['ff00::/16', 'multicast'],
  ['::/64', 'unspecified'],
])('%s is no network of a cluster', (text, why) => {
  expect(specialNetwork(parseCidr(text))).toContain(why);
});

it.each(['10.244.0.0/16', '10.96.0.0/12', '172.16.0.0/12', 'fd00:10:244::/56', '2001:db8::/108'])(
  '%s is one',
  (text) => expect(specialNetwork(parseCidr(text))).toBeUndefined(),
);
