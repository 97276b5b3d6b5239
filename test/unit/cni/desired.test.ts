import { describe, expect, it } from 'vitest';
import type { Backend } from '../../../src/cni/backend.ts';
import { desiredNetwork, type FamilyNetwork } from '../../../src/cni/desired.ts';
import { ANNOTATION } from '../../../src/cni/node-facts.ts';
import { vtepMac } from '../../../src/cni/vtep.ts';
import { parseCidr } from '../../../src/config/cidr.ts';
import {
  dualHost,
  dualPlan,
  host,
  inFamily,
  type NodeOptions,
  node,
  plan,
  underlay,
  underlay6,
} from './nodes.ts';

type Planned = ReturnType<typeof desiredNetwork>;

/** What is desired of IPv4 in a cluster of IPv4 alone. */
type Seen = Omit<Planned, 'desired'> & { readonly desired: FamilyNetwork };

function seen(...nodes: Parameters<typeof node>[]): Seen {
  const planned = desiredNetwork([node(1), ...nodes.map((one) => node(...one))], plan, host);
  return { ...planned, desired: inFamily(planned.desired, 4) };
}

/** Why node 2, announcing this, is left out; its routes must then be nowhere. */
function refusalOf(options: NodeOptions): string {
  const { desired, refusals } = seen([2, options], [3]);
  expect([...desired.routes.keys()]).toEqual(['10.244.3.0/24']);
  expect([...desired.fdb.keys()]).toEqual([vtepMac('n3', 4)]);
  expect(refusals.map((one) => one.node)).toEqual(['n2']);
  return refusals[0]?.reason ?? '';
}

describe('the desired network', () => {
  it('is a tunnel device as flannel makes it', () => {
    expect(seen().desired.link).toEqual({
      name: 'flannel.1',
      vni: 1,
      port: 8472,
      local: '192.168.1.1',
      underlay: 'eth0',
      mac: vtepMac('n1', 4),
      mtu: 1450,
      address: '10.244.1.0/32',
    });
  });

  it('leads to each peer by a route, a neighbour and a forwarding entry', () => {
    const { desired, peers } = seen([2], [3]);
    expect(peers).toBe(2);
    expect([...desired.routes]).toEqual([
      ['10.244.2.0/24', { gateway: '10.244.2.0', device: 'flannel.1', onlink: true }],
      ['10.244.3.0/24', { gateway: '10.244.3.0', device: 'flannel.1', onlink: true }],
    ]);
    expect([...desired.neighbours]).toEqual([
      ['10.244.2.0', vtepMac('n2', 4)],
      ['10.244.3.0', vtepMac('n3', 4)],
    ]);
    expect([...desired.fdb]).toEqual([
      [vtepMac('n2', 4), '192.168.1.2'],
      [vtepMac('n3', 4), '192.168.1.3'],
    ]);
  });

  it('has nothing of this node’s own Node', () => {
    expect(seen().desired.routes.size).toBe(0);
  });

  it('passes over a node that has announced nothing yet', () => {
    const { desired, refusals } = seen([2, { annotations: {} }]);
    expect(desired.routes.size).toBe(0);
    expect(refusals).toEqual([]);
  });

  it('takes the annotations of a flannel node, whatever its MAC address', () => {
    const { desired } = seen([2, { mac: '7A:1B:00:00:00:0F' }]);
    expect(desired.neighbours.get('10.244.2.0')).toBe('7a:1b:00:00:00:0f');
  });

  it('is the same in whatever order the nodes come', () => {
    const nodes = [node(1), node(2), node(3, { podCidr: '10.244.2.0/24' }), node(4)];
    const forwards = desiredNetwork(nodes, plan, host);
    const backwards = desiredNetwork([...nodes].reverse(), plan, host);
    expect(backwards).toEqual(forwards);
  });
});

describe('a pod CIDR that moves from one node to another', () => {
  it('leads to the new one, whether or not the old one is gone', () => {
    const { desired } = seen([3, { podCidr: '10.244.2.0/24' }]);
    expect(desired.neighbours.get('10.244.2.0')).toBe(vtepMac('n3', 4));
  });

  it('stays with the older node while both claim it', () => {
    const { desired, refusals } = seen([2], [3, { podCidr: '10.244.2.0/24' }]);
    expect(desired.neighbours.get('10.244.2.0')).toBe(vtepMac('n2', 4));
    expect(refusals).toEqual([
      { node: 'n3', reason: 'its pod CIDR 10.244.2.0/24 overlaps that of n2', kind: 'claim' },
    ]);
  });
});

describe('a node that claims what is not its own', () => {
  it.each([
    ['a CIDR outside the cluster’s', { podCidr: '10.96.0.0/24' }, /not within the cluster's/],
    ['a CIDR larger than the cluster’s', { podCidr: '0.0.0.0/0' }, /not within the cluster's/],
    ['our own CIDR', { podCidr: '10.244.1.0/24' }, /overlaps that of n1/],
    ['half of our own CIDR', { podCidr: '10.244.1.128/25' }, /overlaps that of n1/],
    ['a CIDR around an older node’s', { podCidr: '10.244.0.0/18', day: 9 }, /overlaps that of n/],
    ['our own MAC address', { mac: vtepMac('n1', 4) }, /is that of n1/],
    ['the MAC address that another node’s name yields', { mac: vtepMac('n3', 4) }, /is that of n3/],
    ['our own address', { publicIp: '192.168.1.1' }, /is this host's/],
    ['the address that another node’s kubelet reports', { publicIp: '192.168.1.3' }, /is that of n3/],
    ['loopback', { publicIp: '127.0.0.1' }, /not the IPv4 address of a host/],
    ['a multicast group', { publicIp: '224.0.0.1' }, /not the IPv4 address of a host/],
    ['an address of the pod network', { publicIp: '10.244.3.5' }, /within the pod network/],
  ] as const)('is left out: %s', (_, options, reason) => {
    expect(refusalOf(options)).toMatch(reason);
  });
});

describe('garbage', () => {
  it.each([
    ['shell metacharacters for an address', { publicIp: '1.2.3.4; reboot' }, /not the IPv4 address/],
    ['a line end in an address', { publicIp: '192.168.1.2\nroute flush all' }, /not the IPv4 address/],
    ['an address in octal', { publicIp: '192.168.1.010' }, /not the IPv4 address/],
    ['backend data that is no JSON', { backendData: '$(reboot)' }, /has no VNI and MAC/],
    ['a multicast MAC address', { mac: '01:00:5e:00:00:01' }, /has no VNI and MAC/],
    ['the zero MAC address', { mac: '00:00:00:00:00:00' }, /has no VNI and MAC/],
    ['a MAC address with words behind it', { mac: `${vtepMac('n2', 4)} dev eth0` }, /has no VNI and MAC/],
    ['another VNI', { backendData: '{"VNI":7,"VtepMAC":"7a:00:00:00:00:01"}' }, /its VNI is 7/],
    ['another backend', { backendType: 'ipip' }, /its backend is "ipip"/],
    ['a backend of flannel’s that flannel has not', { backendType: 'auto' }, /its backend is "auto"/],
    ['a CIDR with host bits', { podCidr: '10.244.2.7/24' }, /which is not one/],
    ['no CIDR at all', { podCidr: 'rm -rf /' }, /which is not one/],
  ] as const)('is left out: %s', (_, options, reason) => {
    expect(refusalOf(options)).toMatch(reason);
  });

  it('of megabytes is neither kept nor repeated', () => {
    const huge = { [ANNOTATION.backendData]: 'x'.repeat(2_000_000), [ANNOTATION.publicIp]: '192.168.1.2' };
    expect(JSON.stringify(node(2, { annotations: huge })).length).toBeLessThan(1_000);
    expect(refusalOf({ annotations: huge })).toBe(
      'its annotation flannel.alpha.coreos.com/backend-data is longer than any real one',
    );
  });
});

describe('two nodes with one MAC address', () => {
  it('leave it to the one whose name yields it, be it the younger', () => {
    const { desired, refusals } = seen([2, { mac: vtepMac('n3', 4), day: 0 }], [3]);
    expect(desired.fdb.get(vtepMac('n3', 4))).toBe('192.168.1.3');
    expect(refusals.map((one) => one.node)).toEqual(['n2']);
  });

  it('leave it to the older one when neither’s name does', () => {
    const mac = '7a:00:00:00:00:01';
    const { desired, refusals } = seen([2, { mac }], [3, { mac }]);
    expect(desired.fdb.get(mac)).toBe('192.168.1.2');
    expect(refusals.map((one) => one.node)).toEqual(['n3']);
  });
});

describe('backends', () => {
  const far = { publicIp: '192.168.2.3', internalIp: '192.168.2.3' };
  const withBackend = (backend: Backend, ...nodes: Parameters<typeof node>[]): Planned =>
    desiredNetwork([node(1), ...nodes.map((one) => node(...one))], { ...plan, backend }, host);
  const hostGw = { backendType: 'host-gw', backend: 'host-gw', backendData: 'null' };
  const ways = ({ desired }: Planned): Record<string, string> =>
    Object.fromEntries(
      [...inFamily(desired, 4).routes].map(([dst, { gateway, device }]) => [dst, `${gateway} ${device}`]),
    );

  it('host-gw leads to each node itself, with whole packets and no tunnel', () => {
    const found = withBackend('host-gw', [2, hostGw], [3, hostGw]);
    expect(ways(found)).toEqual({
      '10.244.2.0/24': '192.168.1.2 eth0',
      '10.244.3.0/24': '192.168.1.3 eth0',
    });
    expect(found.desired).toMatchObject({ podMtu: 1500, bridge: { mtu: 1500 } });
    const { link, neighbours, fdb } = inFamily(found.desired, 4);
    expect(link).toBeUndefined();
    expect(neighbours.size + fdb.size).toBe(0);
  });

  it('host-gw leaves out, and tells, a node behind a router', () => {
    const { refusals } = withBackend('host-gw', [2, hostGw], [3, { ...hostGw, ...far }]);
    expect(refusals).toEqual([
      {
        node: 'n3',
        reason: 'this node has backend host-gw, and its address 192.168.2.3 is not in 192.168.1.0/24',
        kind: 'unreachable',
      },
    ]);
  });

  it('auto takes the tunnel across routers only', () => {
    const auto = { backend: 'auto' };
    expect(ways(withBackend('auto', [2, auto], [3, { ...auto, ...far }]))).toEqual({
      '10.244.2.0/24': '192.168.1.2 eth0',
      '10.244.3.0/24': '10.244.3.0 flannel.1',
    });
    expect(withBackend('auto', [2, auto]).desired).toMatchObject({
      podMtu: 1450,
      networks: [{ link: { name: 'flannel.1' } }],
    });
  });

  it('auto takes the tunnel to flannel, which would answer through it', () => {
    expect(ways(withBackend('auto', [2]))).toEqual({ '10.244.2.0/24': '10.244.2.0 flannel.1' });
  });

  it.each([
    ['vxlan', { backend: 'vxlan' }],
    ['host-gw', hostGw],
    ['auto', { backend: 'auto' }],
  ] as const)('both ends decide alike while nodes are moved from one to another: %s', (other, options) => {
    for (const own of ['vxlan', 'host-gw', 'auto'] as const) {
      const here = inFamily(withBackend(own, [2, options]).desired, 4).routes.get('10.244.2.0/24');
      const mine = { backend: own, backendType: own === 'host-gw' ? own : 'vxlan' };
      const there = desiredNetwork(
        [node(2, options), node(1, mine)],
        { ...plan, nodeName: 'n2', backend: other },
        {
          podCidrs: [parseCidr('10.244.2.0/24')],
          underlays: new Map([[4, { ...underlay, address: '192.168.1.2' }]]),
          addresses: ['192.168.1.2'],
        },
      ).desired;
      expect(inFamily(there, 4).routes.get('10.244.1.0/24')?.device, `${own} and ${other}`).toBe(
        here?.device,
      );
    }
  });

  it('the tunnel stays as long as somebody may still send by it', () => {
    const linkBeside = (...nodes: Parameters<typeof node>[]): FamilyNetwork['link'] =>
      inFamily(withBackend('host-gw', ...nodes).desired, 4).link;
    expect(linkBeside([2, hostGw], [3])).toBeDefined();
    expect(linkBeside([2, hostGw], [3, hostGw])).toBeUndefined();
  });
});

describe('an address that two nodes announce', () => {
  it('is that of the node whose kubelet reports it', () => {
    const { desired, refusals } = seen([2, { publicIp: '192.168.1.9', internalIp: '192.168.1.2' }], [9]);
    expect(desired.fdb.get(vtepMac('n9', 4))).toBe('192.168.1.9');
    expect(refusals).toMatchObject([{ node: 'n2', reason: 'its public IP 192.168.1.9 is that of n9' }]);
  });

  it('is that of whoever has it now, when a kubelet still reports its former one', () => {
    const { refusals } = seen(
      [2, { publicIp: '192.168.1.50' }],
      [4, { publicIp: '192.168.1.2', internalIp: '192.168.1.2' }],
    );
    expect(refusals).toEqual([]);
  });
});

describe('a cluster of both families', () => {
  const dual = { dual: true };
  const both = (...nodes: Parameters<typeof node>[]): Planned =>
    desiredNetwork([node(1, dual), ...nodes.map((one) => node(...one))], dualPlan, dualHost);

  it('has a second tunnel, named, addressed and sized as flannel’s for IPv6', () => {
    const { desired } = both([2, dual]);
    expect(inFamily(desired, 6).link).toEqual({
      name: 'flannel-v6.1',
      vni: 1,
      port: 8472,
      local: 'fd77::1',
      underlay: 'eth0',
      mac: vtepMac('n1', 6),
      mtu: 1430,
      address: 'fd00:10:244:1::/128',
    });
    expect(inFamily(desired, 4).link).toEqual(seen([2]).desired.link);
  });

  it('leads to each peer in each family', () => {
    const { desired, peers, refusals } = both([2, dual], [3, dual]);
    const { routes, neighbours, fdb } = inFamily(desired, 6);
    const device = 'flannel-v6.1';
    expect([...routes]).toEqual([
      // The gateway's own comes first: else the kernel would look for it by whatever leads to the network.
      ['fd00:10:244:2::/128', { gateway: undefined, device, onlink: false }],
      ['fd00:10:244:2::/64', { gateway: 'fd00:10:244:2::', device, onlink: true }],
      ['fd00:10:244:3::/128', { gateway: undefined, device, onlink: false }],
      ['fd00:10:244:3::/64', { gateway: 'fd00:10:244:3::', device, onlink: true }],
    ]);
    expect(neighbours.get('fd00:10:244:2::')).toBe(vtepMac('n2', 6));
    expect(fdb.get(vtepMac('n2', 6))).toBe('fd77::2');
    expect(inFamily(desired, 4).routes.size).toBe(2);
    expect([peers, refusals]).toEqual([2, []]);
  });

  it('gives pods the lesser MTU of both, and a gateway of each', () => {
    expect(both().desired).toMatchObject({
      podMtu: 1430,
      bridge: { mtu: 1430, addresses: ['10.244.1.1/24', 'fd00:10:244:1::1/64'] },
    });
  });

  it('reaches a node of one family by that one', () => {
    const { desired, peers, refusals } = both([2]);
    expect([inFamily(desired, 4).routes.size, inFamily(desired, 6).routes.size]).toEqual([1, 0]);
    expect([peers, refusals]).toEqual([1, []]);
  });

  it('goes on with one family while this host’s address of the other is away', () => {
    const without = { ...dualHost, underlays: new Map([[4, underlay] as const]) };
    const { desired } = desiredNetwork([node(1, dual), node(2, dual)], dualPlan, without);
    expect(desired.networks.map(({ family }) => family)).toEqual([4]);
    expect(desired).toMatchObject({ podMtu: 1430, bridge: both().desired.bridge });
  });

  it('masquerades, and refuses Services that nobody has, in the family’s own words', () => {
    const { table } = inFamily(both().desired, 6);
    expect(table.family).toBe('ip6');
    const text = JSON.stringify(table);
    expect(text).toContain('{"addr":"fd00:10:244::","len":56}');
    expect(text).toContain('"reject":{"type":"icmpv6","expr":"port-unreachable"}');
    expect(text).not.toMatch(/"10\.|"ip"/);
  });

  it('auto takes the tunnel across routers only, in each family by itself', () => {
    const auto = { backend: 'auto', dual: true } as const;
    const { desired } = desiredNetwork(
      [node(1, auto), node(2, auto), node(3, { ...auto, publicIpv6: 'fd78::3' })],
      { ...dualPlan, backend: 'auto' },
      dualHost,
    );
    const device = (family: 4 | 6, cidr: string): string | undefined =>
      inFamily(desired, family).routes.get(cidr)?.device;
    expect([2, 3].map((index) => device(4, `10.244.${index}.0/24`))).toEqual(['eth0', 'eth0']);
    expect([2, 3].map((index) => device(6, `fd00:10:244:${index}::/64`))).toEqual(['eth0', 'flannel-v6.1']);
  });

  it('reads an address in whatever spelling, as the kernel writes it', () => {
    const { desired } = both([2, { dual: true, publicIpv6: 'FD77:0:0::0002' }]);
    expect(inFamily(desired, 6).fdb.get(vtepMac('n2', 6))).toBe('fd77::2');
  });

  it.each([
    ['our own address', 'fd77:0::1', /is this host's/],
    ['loopback', '::1', /not the IPv6 address of a host/],
    ['a group', 'ff02::1', /not the IPv6 address of a host/],
    ['an address of one link', 'fe80::1', /not the IPv6 address of a host/],
    ['an address with a zone', 'fd77::2%eth0', /not the IPv6 address of a host/],
    ['IPv4 in other clothes', '::ffff:192.168.1.2', /not the IPv6 address of a host/],
    ['an address of the other family', '192.168.1.2', /not the IPv6 address of a host/],
    ['an address of the pod network', 'fd00:10:244:3::5', /within the pod network/],
    ['shell metacharacters', 'fd77::2; reboot', /not the IPv6 address of a host/],
  ])('leaves a node out that announces %s, of this family alone', (_, publicIpv6, reason) => {
    const { desired, refusals } = both([2, { dual: true, publicIpv6 }]);
    expect([inFamily(desired, 4).routes.size, inFamily(desired, 6).routes.size]).toEqual([1, 0]);
    expect(refusals).toMatchObject([{ node: 'n2', reason: expect.stringMatching(reason) }]);
  });

  it('tells once what is wrong with a node as such', () => {
    expect(both([2, { dual: true, backendType: 'ipip' }]).refusals).toHaveLength(1);
  });

  it('of IPv6 alone needs nothing of IPv4', () => {
    const only = {
      podCidrs: dualHost.podCidrs.slice(1),
      underlays: new Map([[6, underlay6] as const]),
      addresses: dualHost.addresses,
    };
    const { desired } = desiredNetwork([node(1, dual), node(2, dual)], dualPlan, only);
    expect(desired.networks.map(({ family, peers }) => [family, peers.size])).toEqual([[6, 1]]);
  });
});
