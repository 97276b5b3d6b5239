import { describe, expect, it } from 'vitest';
import { concernsNetwork } from '../../../src/agent/kernel-events.ts';

const network = { vni: 1, nodeIP: '192.168.1.5' };

describe('a line of `ip -details monitor label`', () => {
  it.each([
    '[LINK]Deleted 4: flannel.1: <BROADCAST,MULTICAST> mtu 1450 qdisc noop state DOWN group default ',
    '    vxlan id 1 local 192.168.1.5 dev eth0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300',
    '[ROUTE]Deleted unicast 10.244.1.0/24 via 10.244.1.0 dev flannel.1 table main proto 75 scope global onlink ',
    '[NEIGH]Deleted 192.168.1.6 dev flannel.1 lladdr 5e:00:00:00:00:02 NOARP PERMANENT ',
    '[ADDR]Deleted 3: eth0    inet 192.168.1.5/24 brd 192.168.1.255 scope global eth0',
  ])('concerns the network: %s', (line) => expect(concernsNetwork(line, network)).toBe(true));

  it.each([
    '[LINK]9: veth1a2b@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 master cni0 state UP ',
    '    vxlan id 10 local 192.168.1.5 dev eth0 srcport 0 0 dstport 4789 ttl auto ageing 300',
    '[NEIGH]192.168.1.254 dev eth0 lladdr 52:54:00:00:00:01 REACHABLE ',
    '[ADDR]9: eth1    inet 192.168.1.50/24 scope global eth1',
    '[ROUTE]10.0.0.0/8 via 192.168.1.5 dev eth0 table main proto boot scope global ',
  ])('does not: %s', (line) => expect(concernsNetwork(line, network)).toBe(false));
});
