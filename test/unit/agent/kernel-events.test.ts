import { describe, expect, it } from 'vitest';
import { concernsRules, LinkNews } from '../../../src/agent/kernel-events.ts';

describe('a line of `ip -details monitor label`', () => {
  it.each([
    '[LINK]Deleted 4: flannel.1: <BROADCAST,MULTICAST> mtu 1450 qdisc noop state DOWN group default ',
    '    vxlan id 1 local 192.168.1.5 dev eth0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300',
    '[ROUTE]Deleted unicast 10.244.1.0/24 via 10.244.1.0 dev flannel.1 table main proto 75 scope global onlink ',
    '[ROUTE]Deleted fd00:10:244:1::/64 via fd00:10:244:1:: dev flannel-v6.1 metric 1024 onlink pref medium',
    '[ROUTE]Deleted fd00:10:244:1::/64 via fd77::6 dev eth0 proto 75 metric 1024 pref medium',
    '[NEIGH]Deleted fd00:10:244:1:: dev flannel-v6.1 lladdr 5e:00:00:00:00:02 PERMANENT ',
    '[NEIGH]Deleted 192.168.1.6 dev flannel.1 lladdr 5e:00:00:00:00:02 NOARP PERMANENT ',
    '[ADDR]Deleted 3: eth0    inet 192.168.1.5/24 brd 192.168.1.255 scope global eth0',
    '[ADDR]9: eth1    inet 192.168.1.50/24 scope global eth1',
    '[LINK]3: eth0@if4: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1400 qdisc noqueue state UP group default ',
    '[LINK]Deleted 5: cni0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP group default ',
    '[ADDR]Deleted 5: cni0    inet 10.244.1.1/24 scope global cni0',
    '[ROUTE]Deleted unicast 10.244.1.0/24 via 192.168.1.6 dev eth0 table main proto 75 scope global ',
  ])('concerns the network: %s', (line) => expect(new LinkNews(1).concernsNetwork(line)).toBe(true));

  it.each([
    '[LINK]9: veth1a2b@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 master cni0 state UP ',
    '[LINK]9: veth1a2b@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 state DOWN ',
    '[ADDR]9: veth1a2b    inet6 fe80::1/64 scope link ',
    '[ROUTE]unicast 10.244.1.0/24 dev cni0 table main proto kernel scope link src 10.244.1.1 ',
    '    vxlan id 10 local 192.168.1.5 dev eth0 srcport 0 0 dstport 4789 ttl auto ageing 300',
    '[NEIGH]192.168.1.254 dev eth0 lladdr 52:54:00:00:00:01 REACHABLE ',
    '[ROUTE]10.0.0.0/8 via 192.168.1.5 dev eth0 table main proto boot scope global ',
  ])('does not: %s', (line) => expect(new LinkNews(1).concernsNetwork(line)).toBe(false));
});

describe('news of the pods’ bridge', () => {
  const line = (flags: string, mtu: number, state: string, more = ''): string =>
    `[LINK]5: cni0: <${flags}> mtu ${mtu} qdisc noqueue state ${state} group default ${more}`;

  it('do not count when pods come and go', () => {
    const news = new LinkNews(1);
    const lines = [
      line('NO-CARRIER,BROADCAST,MULTICAST,UP', 1450, 'DOWN'),
      line('BROADCAST,MULTICAST,UP,LOWER_UP', 1450, 'UP'),
      line('BROADCAST,MULTICAST,UP,LOWER_UP', 1450, 'UP', 'event FEATURE CHANGE '),
      line('NO-CARRIER,BROADCAST,MULTICAST,UP', 1450, 'DOWN'),
    ];
    expect(lines.map((one) => news.concernsNetwork(one))).toEqual([false, false, false, false]);
  });

  it.each([
    ['set down', line('BROADCAST,MULTICAST', 1450, 'DOWN')],
    ['given another MTU', line('BROADCAST,MULTICAST,UP,LOWER_UP', 1400, 'UP')],
  ])('count when it is %s', (_, changed) => {
    const news = new LinkNews(1);
    news.concernsNetwork(line('BROADCAST,MULTICAST,UP,LOWER_UP', 1450, 'UP'));
    expect(news.concernsNetwork(changed)).toBe(true);
  });
});

describe('a line of `nft monitor chains`', () => {
  it.each([
    ['delete chain ip kadm postrouting', true],
    ['add chain ip filter FORWARD { type filter hook forward priority filter; policy drop; }', true],
    ['add chain ip nat KUBE-SVC-TCOU7JCQXEZGVUNU', false],
    ['delete chain ip6 filter FORWARD', false],
  ])('%s: %s', (line, concerns) => expect(concernsRules(line)).toBe(concerns));
});
