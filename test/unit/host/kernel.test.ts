import { expect, test } from 'vitest';
import { sysctlPath } from '../../../src/host/kernel.ts';

test.each([
  ['net.ipv4.ip_forward', '/proc/sys/net/ipv4/ip_forward'],
  // sysctl.d(5): where the first separator is a slash, dots are dots.
  ['net/ipv6/conf/eth0.5/accept_ra', '/proc/sys/net/ipv6/conf/eth0.5/accept_ra'],
  ['net.ipv4.conf.eth0/5.rp_filter', '/proc/sys/net/ipv4/conf/eth0/5/rp_filter'],
])('the setting %s is %s', (key, path) => {
  expect(sysctlPath(key)).toBe(path);
});
