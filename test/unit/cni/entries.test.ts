import { describe, expect, it } from 'vitest';
import { parseForwarding, parseNeighbours, parseRoutes } from '../../../src/cni/entries.ts';

// As iproute2 6.1 and 6.15 print them.
const ROUTES = `default \\\tnexthop via 192.168.77.1 dev eth0 weight 1 \\\tnexthop via 192.168.77.3 dev eth0 weight 1 
default via 192.168.77.9 dev eth0 metric 100 
6 10.0.0.0/8 
7 10.1.0.0/16 proto 16 metric 5 
10.2.2.2 via inet6 fe80::1 dev eth0 
10.3.0.0/16 dev eth0 proto 186 scope 253 mtu 1400 
10.9.0.0/16 nhid 5 via 192.168.77.5 dev eth0 
10.244.2.0/24 via 10.244.2.0 dev flannel.1 proto 75 onlink 
10.244.3.0/24 via 192.168.77.7 dev eth0 proto 75 metric 7 
192.168.77.0/24 dev eth0 proto 2 scope 253 src 192.168.77.2 
`;

const ROUTES6 = `fd00:10:244:2:: dev flannel-v6.1 proto 75 metric 1024 pref medium
fd00:10:244:2::/64 via fd00:10:244:2:: dev flannel-v6.1 proto 75 metric 1024 onlink pref medium
6 fd01::/16 dev lo metric 1024 pref medium
fe80::/64 dev eth1 proto 2 metric 256 pref medium
default metric 1024 pref medium\\\tnexthop via fd77::9 dev eth0 weight 1 \\\tnexthop via fd77::8 dev eth0 weight 1 
`;

function route(
  dst: string,
  gateway: string | undefined,
  device: string | undefined,
  protocol: number,
  metric = 0,
): object {
  return { dst, gateway, device, protocol, metric };
}

describe('routes as ip prints them', () => {
  it('are read, of each type', () => {
    expect(parseRoutes(ROUTES)).toEqual([
      route('default', undefined, undefined, 3),
      route('default', '192.168.77.9', 'eth0', 3, 100),
      route('10.0.0.0/8', undefined, undefined, 3),
      route('10.1.0.0/16', undefined, undefined, 16, 5),
      route('10.2.2.2/32', 'fe80::1', 'eth0', 3),
      route('10.3.0.0/16', undefined, 'eth0', 186),
      route('10.9.0.0/16', '192.168.77.5', 'eth0', 3),
      route('10.244.2.0/24', '10.244.2.0', 'flannel.1', 75),
      route('10.244.3.0/24', '192.168.77.7', 'eth0', 75, 7),
      route('192.168.77.0/24', undefined, 'eth0', 2),
    ]);
  });

  it('are read in IPv6', () => {
    expect(parseRoutes(ROUTES6)).toEqual([
      route('fd00:10:244:2::/128', undefined, 'flannel-v6.1', 75, 1024),
      route('fd00:10:244:2::/64', 'fd00:10:244:2::', 'flannel-v6.1', 75, 1024),
      route('fd01::/16', undefined, 'lo', 3, 1024),
      route('fe80::/64', undefined, 'eth1', 2, 256),
      route('default', undefined, undefined, 3, 1024),
    ]);
  });

  it('may be none', () => expect(parseRoutes('')).toEqual([]));
});

describe('entries of a tunnel', () => {
  it('are neighbours', () => {
    const text =
      '10.244.2.0 lladdr 02:00:00:00:00:0a PERMANENT \n10.244.7.0 lladdr 02:00:00:00:00:0b router PERMANENT \n' +
      'fd00:10:244:2:: lladdr 02:00:00:00:00:0a PERMANENT \n10.244.9.0 PERMANENT \n';
    expect([...parseNeighbours(text)]).toEqual([
      ['10.244.2.0', '02:00:00:00:00:0a'],
      ['10.244.7.0', '02:00:00:00:00:0b'],
      ['fd00:10:244:2::', '02:00:00:00:00:0a'],
      ['10.244.9.0', ''],
    ]);
  });

  it('are forwarding entries', () => {
    const text = `ba:79:30:d6:74:26 master br0 permanent
00:00:00:00:00:00 dst 192.168.77.9 self permanent
02:00:00:00:00:0c dst 192.168.77.8 port 4789 vni 7 via eth0 self permanent
02:00:00:00:00:0a dst fd77::9 self permanent
`;
    expect(parseForwarding(text)).toEqual([
      { mac: 'ba:79:30:d6:74:26', dst: undefined },
      { mac: '00:00:00:00:00:00', dst: '192.168.77.9' },
      { mac: '02:00:00:00:00:0c', dst: '192.168.77.8' },
      { mac: '02:00:00:00:00:0a', dst: 'fd77::9' },
    ]);
  });
});
