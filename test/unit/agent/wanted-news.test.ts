import { describe, expect, it } from 'vitest';
import { isRouteToPods, tellsWhatIsWanted } from '../../../src/agent/wanted-news.ts';
import { desiredNetwork } from '../../../src/cni/desired.ts';
import { vtepMac } from '../../../src/cni/vtep.ts';
import { dualHost, dualPlan, node } from '../cni/nodes.ts';

const nodes = [1, 2].map((index) => node(index, { dual: true }));
const { desired } = desiredNetwork(nodes, dualPlan, dualHost);
const MAC = vtepMac('n2', 4);
const MAC6 = vtepMac('n2', 6);
const VIA6 =
  'via fd00:10:244:2:: dev flannel-v6.1 table main proto 75 scope global metric 1024 onlink pref medium';
const VIA = 'via 10.244.2.0 dev flannel.1 table main proto 75 scope global onlink ';

describe('the kernel tells what is wanted', () => {
  it.each([
    `[ROUTE]unicast 10.244.2.0/24 ${VIA}`,
    `[NEIGH]10.244.2.0 dev flannel.1 lladdr ${MAC} PERMANENT `,
    `[NEIGH]192.168.1.2 dev flannel.1 lladdr ${MAC} NOARP PERMANENT `,
    `[ROUTE]unicast fd00:10:244:2::/64 ${VIA6}`,
    '[ROUTE]unicast fd00:10:244:2:: dev flannel-v6.1 table main proto 75 scope global metric 1024 pref medium',
    `[NEIGH]fd00:10:244:2:: dev flannel-v6.1 lladdr ${MAC6} PERMANENT `,
    `[NEIGH]fd77::2 dev flannel-v6.1 lladdr ${MAC6} NOARP PERMANENT `,
    // Of a Node that went.
    '[ROUTE]Deleted unicast 10.244.9.0/24 via 10.244.9.0 dev flannel.1 table main proto 75 scope global onlink ',
    '[NEIGH]10.244.9.0 dev flannel.1 FAILED ',
    '[NEIGH]Deleted 10.244.9.0 dev flannel.1 FAILED ',
    '[NEIGH]Deleted 192.168.1.9 dev flannel.1 lladdr 02:00:00:00:00:09 NOARP PERMANENT ',
    // An entry that was replaced by another.
    `[NEIGH]Deleted 192.168.1.9 dev flannel.1 lladdr ${MAC} NOARP PERMANENT `,
  ])('%s', (line) => expect(tellsWhatIsWanted(line, desired)).toBe(true));
});

describe('the kernel tells of a change that somebody else made', () => {
  it.each([
    `[ROUTE]Deleted unicast 10.244.2.0/24 ${VIA}`,
    '[ROUTE]unicast 10.244.2.0/24 via 192.168.1.2 dev eth0 table main proto 75 scope global ',
    `[ROUTE]unicast 10.244.9.0/24 ${VIA}`,
    '[ROUTE]unicast 10.244.2.0/24 via 192.168.1.2 dev flannel.1 table main proto 3 scope global onlink ',
    `[ROUTE]Deleted unicast fd00:10:244:2::/64 ${VIA6}`,
    '[ROUTE]unicast fd00:10:244:2::/64 via fd77::2 dev eth0 table main proto 75 scope global metric 1024 pref medium',
    '[ROUTE]Deleted unicast fd00:10:244:2:: dev flannel-v6.1 table main proto 75 scope global metric 1024 pref medium',
    `[NEIGH]Deleted fd77::2 dev flannel-v6.1 lladdr ${MAC6} NOARP PERMANENT `,
    '[NEIGH]10.244.2.0 dev flannel.1 FAILED ',
    '[NEIGH]Deleted 10.244.2.0 dev flannel.1 FAILED ',
    '[NEIGH]10.244.2.0 dev flannel.1 lladdr 02:00:00:00:00:99 PERMANENT ',
    `[NEIGH]Deleted 192.168.1.2 dev flannel.1 lladdr ${MAC} NOARP PERMANENT `,
    `[NEIGH]192.168.1.9 dev flannel.1 lladdr ${MAC} NOARP PERMANENT `,
    '[NEIGH]192.168.1.9 dev flannel.1 lladdr 02:00:00:00:00:09 NOARP PERMANENT ',
    '[LINK]4: flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1300 qdisc noqueue state UNKNOWN group default ',
  ])('%s', (line) => expect(tellsWhatIsWanted(line, desired)).toBe(false));

  it('a route to the pods of a peer, in the way of ours', () => {
    const line = '[ROUTE]unicast 10.244.2.0/24 dev eth0 table main proto static scope link ';
    expect(isRouteToPods(line, desired)).toBe(true);
    expect(isRouteToPods(line.replace(']', ']Deleted '), desired)).toBe(true);
    expect(isRouteToPods(line.replace('244.2', '244.3'), desired)).toBe(false);
    expect(tellsWhatIsWanted(line, desired)).toBe(false);
  });

  it('the route to this host’s own pods, removed', () => {
    const line =
      '[ROUTE]Deleted unicast 10.244.1.0/24 dev cni0 table main proto kernel scope link src 10.244.1.1 ';
    expect(isRouteToPods(line, desired)).toBe(true);
    expect(tellsWhatIsWanted(line, desired)).toBe(false);
  });

  it('and before anything is wanted all is news', () => {
    expect(tellsWhatIsWanted(`[ROUTE]unicast 10.244.2.0/24 ${VIA}`, undefined)).toBe(false);
  });
});
