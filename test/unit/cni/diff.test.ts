import { describe, expect, it } from 'vitest';
import type { Actual } from '../../../src/cni/actual.ts';
import { batches, describeStep } from '../../../src/cni/apply.ts';
import { type Desired, desiredNetwork } from '../../../src/cni/desired.ts';
import { difference } from '../../../src/cni/diff.ts';
import { vtepMac } from '../../../src/cni/vtep.ts';
import { host, node, plan } from './nodes.ts';

const { desired } = desiredNetwork([node(1), node(2), node(3)], plan, host);
const ETH0 = {
  name: 'eth0',
  mtu: 1500,
  up: true,
  addresses: [{ address: '192.168.1.1', prefix: 24, family: 'inet' }],
};

/** The kernel of a node that has just what is desired. */
function inPlace(wanted: Desired = desired): Actual {
  const { link } = wanted;
  const tunnel = { address: link.address, prefix: 32, family: 'inet' };
  return {
    interfaces: [ETH0, { name: link.name, mtu: link.mtu, up: true, addresses: [tunnel] }],
    vxlans: [{ ...link, up: true, learning: false }],
    routes: [
      { dst: 'default', gateway: '192.168.1.254', device: 'eth0', protocol: 3, metric: 0 },
      ...[...wanted.routes].map(([dst, gateway]) => ours(dst, gateway)),
    ],
    neighbours: new Map(wanted.neighbours),
    fdb: [...wanted.fdb].map(([mac, dst]) => ({ mac, dst })),
    table: wanted.table,
  };
}

function ours(dst: string, gateway: string): Actual['routes'][number] {
  return { dst, gateway, device: 'flannel.1', protocol: 75, metric: 0 };
}

const BARE: Actual = {
  interfaces: [ETH0],
  vxlans: [],
  routes: [],
  neighbours: new Map(),
  fdb: [],
  table: undefined,
};

function stepsFor(actual: Partial<Actual>): string[] {
  const { steps } = difference(desired, { ...inPlace(), ...actual });
  return steps.map((step) => (step.tool === 'nft' ? 'nft' : `${step.tool} ${describeStep(step)}`));
}

function tunnel(change: Partial<Actual['vxlans'][number]>): Partial<Actual> {
  return { vxlans: inPlace().vxlans.map((one) => ({ ...one, ...change })) };
}

describe('the difference', () => {
  it('is nothing when everything is in place', () => {
    expect(difference(desired, inPlace())).toEqual({ steps: [], conflicts: [] });
  });

  it('from a bare host is everything, the device first and the routes after what they need', () => {
    const [mac2, mac3] = [vtepMac('n2'), vtepMac('n3')];
    expect(
      batches(difference(desired, BARE).steps).map(({ argv, input }) => [argv.slice(0, 2), input]),
    ).toEqual([
      [
        ['ip', '-force'],
        [
          `link add name flannel.1 address ${vtepMac('n1')} mtu 1450 type vxlan id 1 local 192.168.1.1 dev eth0 dstport 8472 nolearning`,
          'link set dev flannel.1 addrgenmode none',
          'address add 10.244.1.0/32 dev flannel.1',
          'link set dev flannel.1 up',
          `neigh replace 10.244.2.0 lladdr ${mac2} dev flannel.1 nud permanent`,
          `neigh replace 10.244.3.0 lladdr ${mac3} dev flannel.1 nud permanent`,
          '',
        ].join('\n'),
      ],
      [
        ['bridge', '-force'],
        `fdb replace ${mac2} dev flannel.1 dst 192.168.1.2 self permanent\nfdb replace ${mac3} dev flannel.1 dst 192.168.1.3 self permanent\n`,
      ],
      [
        ['ip', '-force'],
        'route replace 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink proto 75\nroute replace 10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink proto 75\n',
      ],
      [['nft', '-j'], undefined],
    ]);
  });

  it('for one new node is its three entries', () => {
    const before = desiredNetwork([node(1), node(2)], plan, host).desired;
    const { steps } = difference(desired, inPlace(before));
    expect(steps.map(({ kind }) => kind)).toEqual(['neighbour', 'fdb', 'route']);
  });

  it('for a node that vanished is the removal of its three entries', () => {
    const after = desiredNetwork([node(1), node(2)], plan, host).desired;
    expect(difference(after, inPlace()).steps.map(describeStep)).toEqual([
      'route delete 10.244.3.0/24 via 10.244.3.0 dev flannel.1 proto 75',
      'neigh delete 10.244.3.0 dev flannel.1',
      `fdb delete ${vtepMac('n3')} dev flannel.1 dst 192.168.1.3 self`,
    ]);
  });

  it('for a pod CIDR that moved touches neither route nor address of it', () => {
    const moved = desiredNetwork(
      [node(1), node(2, { podCidr: '10.244.9.0/24' }), node(3)],
      plan,
      host,
    ).desired;
    const back = desiredNetwork(
      [node(1), node(4, { podCidr: '10.244.9.0/24' }), node(3)],
      plan,
      host,
    ).desired;
    expect(difference(back, inPlace(moved)).steps.map(({ kind }) => kind)).toEqual([
      'neighbour',
      'fdb',
      'fdb',
    ]);
  });
});

describe('repairs of the device', () => {
  it.each([
    [
      'a MAC address that was changed',
      { mac: '02:00:00:00:00:09' },
      `ip link set dev flannel.1 address ${vtepMac('n1')}`,
    ],
    ['an MTU that was changed', { mtu: 1400 }, 'ip link set dev flannel.1 mtu 1450'],
    ['a device that was set down', { up: false }, 'ip link set dev flannel.1 up'],
  ])('mend %s', (_, change, step) => {
    expect(stepsFor(tunnel(change))).toEqual([step]);
  });

  it.each([
    ['another underlay', { underlay: 'eth1' }],
    ['another source address', { local: '192.168.7.7' }],
    ['another port', { port: 4789 }],
    ['another VNI', { vni: 9 }],
    ['learning', { learning: true }],
  ])('replace a device with %s, and all that was on it', (_, change) => {
    const steps = stepsFor(tunnel(change));
    expect(steps.slice(0, 2)).toEqual([
      'ip link delete dev flannel.1',
      expect.stringMatching(/^ip link add/),
    ]);
    expect(steps.filter((step) => /^ip (neigh|route) replace/.test(step))).toHaveLength(4);
    expect(steps.filter((step) => step.startsWith('bridge fdb replace'))).toHaveLength(2);
    expect(steps.filter((step) => step.startsWith('ip route delete'))).toEqual([]);
  });

  it('replace something else that has its name', () => {
    expect(stepsFor({ vxlans: [] })[0]).toBe('ip link delete dev flannel.1');
  });

  it('replace it when it was renamed', () => {
    const steps = stepsFor({ ...tunnel({ name: 'foo' }), interfaces: [ETH0], routes: [] });
    expect(steps.slice(0, 2)).toEqual(['ip link delete dev foo', expect.stringMatching(/^ip link add/)]);
  });

  it('never take the VNI and port of another program’s device', () => {
    const foreign = { ...tunnel({ name: 'vx0', mac: '02:00:00:00:00:01' }), interfaces: [ETH0] };
    expect(difference(desired, { ...inPlace(), ...foreign })).toEqual({
      steps: [],
      conflicts: ['device vx0 of another program has VNI 1 on UDP port 8472'],
    });
  });

  it('correct its address', () => {
    const wrong = { address: '10.9.9.9', prefix: 24, family: 'inet' };
    const local = { address: 'fe80::1', prefix: 64, family: 'inet6' };
    const interfaces = [ETH0, { name: 'flannel.1', mtu: 1450, up: true, addresses: [wrong, local] }];
    expect(stepsFor({ interfaces })).toEqual([
      'ip address delete 10.9.9.9/24 dev flannel.1',
      'ip address add 10.244.1.0/32 dev flannel.1',
    ]);
  });
});

describe('pruning', () => {
  it('removes a stale route of ours, on whatever device', () => {
    const stale = { dst: '10.99.0.0/24', gateway: '192.168.1.2', device: 'eth0', protocol: 75, metric: 5 };
    expect(stepsFor({ routes: [...inPlace().routes, stale] })).toEqual([
      'ip route delete 10.99.0.0/24 via 192.168.1.2 dev eth0 metric 5 proto 75',
    ]);
  });

  it('never touches a route of another program', () => {
    const foreign = { dst: '10.244.77.0/24', gateway: '192.168.1.2', device: 'eth0', protocol: 3, metric: 0 };
    expect(stepsFor({ routes: [...inPlace().routes, foreign] })).toEqual([]);
  });

  it('leaves another program’s route to a peer where it is, and says so', () => {
    const [first, , ...rest] = inPlace().routes;
    const foreign = { dst: '10.244.2.0/24', gateway: undefined, device: 'eth0', protocol: 4, metric: 0 };
    const found = difference(desired, { ...inPlace(), routes: [first ?? foreign, foreign, ...rest] });
    expect(found.steps).toEqual([]);
    expect(found.conflicts).toEqual(["another program's route to 10.244.2.0/24 by eth0 is in the way"]);
  });

  it('removes neighbours and forwarding entries that nobody asked for', () => {
    const found = stepsFor({
      neighbours: new Map([...desired.neighbours, ['10.244.8.0', '02:00:00:00:00:08']]),
      fdb: [...inPlace().fdb, { mac: '00:00:00:00:00:00', dst: '6.6.6.6' }],
    });
    expect(found).toEqual([
      'ip neigh delete 10.244.8.0 dev flannel.1',
      'bridge fdb delete 00:00:00:00:00:00 dev flannel.1 dst 6.6.6.6 self',
    ]);
  });

  it('makes the nftables table anew when somebody changed it', () => {
    const chains = desired.table.chains.map((chain) => ({ ...chain, rules: chain.rules.slice(1) }));
    expect(stepsFor({ table: { ...desired.table, chains } })).toEqual(['nft']);
  });
});

describe('a batch', () => {
  it.each(['eth0\nroute flush', 'eth0 up', 'a"b', '#eth0', ''])('refuses the word %j', (word) => {
    const step = { tool: 'ip', kind: 'link', words: ['link', 'set', word] } as const;
    expect(() => batches([step])).toThrow(/not a word/);
  });
});
