import { describe, expect, it } from 'vitest';
import type { Actual, FamilyState, HostInterface } from '../../../src/cni/actual.ts';
import { batches, describeStep, nameStep } from '../../../src/cni/apply.ts';
import { desiredNetwork } from '../../../src/cni/desired.ts';
import { difference, type Step } from '../../../src/cni/diff.ts';
import { parseForward } from '../../../src/cni/forward.ts';
import { bridgeMac, linkLocalAddress, vtepMac } from '../../../src/cni/vtep.ts';
import {
  ACCEPTS,
  bridgeOf,
  dualHost,
  dualPlan,
  ETH0,
  host,
  inFamily,
  inPlace,
  node,
  PLAIN,
  plan,
  stateOf,
  tunnelsOf,
} from './nodes.ts';

const { desired } = desiredNetwork([node(1), node(2), node(3)], plan, host);
const network = inFamily(desired, 4);
function pod(name: string, master: string | undefined): HostInterface {
  return { ...PLAIN, name, mtu: 1450, mac: '02:00:00:00:00:02', kind: 'veth', master, addresses: [] };
}

const BARE: Actual = {
  interfaces: [ETH0],
  networks: new Map([
    [4, { routes: [], neighbours: new Map(), fdb: [], table: undefined, forward: ACCEPTS }],
  ]),
  unplugged: [],
};

function texts(steps: readonly Step[]): string[] {
  return steps.map((step) => (step.tool === 'nft' ? 'nft' : nameStep(step)));
}

function stepsFor(change: Partial<Actual & FamilyState>): string[] {
  return texts(difference(desired, changed(change)).steps);
}

/** The kernel of such a node, but for this. */
function changed({ interfaces, unplugged, ...state }: Partial<Actual & FamilyState>): Actual {
  const whole = inPlace(desired);
  return {
    interfaces: interfaces ?? whole.interfaces,
    unplugged: unplugged ?? whole.unplugged,
    networks: new Map([[4, { ...stateOf(inFamily(desired, 4)), ...state }]]),
  };
}

/** The tunnel as it should be, but for this. */
function tunnel(
  change: Partial<HostInterface>,
  vxlan: Partial<NonNullable<HostInterface['vxlan']>> = {},
): Partial<Actual> {
  const [present] = tunnelsOf(desired);
  if (present?.vxlan === undefined) throw new Error('no tunnel is desired');
  const other = { ...present, vxlan: { ...present.vxlan, ...vxlan }, ...change };
  return { interfaces: [ETH0, bridgeOf(desired), other] };
}

/** The bridge as it should be, but for this, and further devices. */
function bridge(change: Partial<HostInterface>, ...others: HostInterface[]): Partial<Actual> {
  return { interfaces: [ETH0, { ...bridgeOf(desired), ...change }, ...tunnelsOf(desired), ...others] };
}

describe('the difference', () => {
  it('is nothing when everything is in place', () => {
    expect(difference(desired, inPlace(desired))).toEqual({ steps: [], conflicts: [], blocked: false });
  });

  it('from a bare host is everything, the device first and the routes after what they need', () => {
    const [mac2, mac3] = [vtepMac('n2', 4), vtepMac('n3', 4)];
    expect(
      batches(difference(desired, BARE).steps).map(({ argv, input }) => [argv.slice(0, 2), input]),
    ).toEqual([
      [
        ['ip', '-force'],
        [
          `link add name flannel.1 address ${vtepMac('n1', 4)} mtu 1450 type vxlan id 1 local 192.168.1.1 dev eth0 dstport 8472 nolearning`,
          'link set dev flannel.1 alias kadm',
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
        'route replace 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink proto 75\nroute replace 10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink proto 75\n' +
          [
            `link add name cni0 address ${bridgeMac('n1')} type bridge`,
            'link set dev cni0 alias kadm',
            'link set dev cni0 mtu 1450',
            'address add 10.244.1.1/24 dev cni0',
            'link set dev cni0 up\n',
          ].join('\n'),
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
    expect(difference(after, inPlace(desired)).steps.map(describeStep)).toEqual([
      'route delete 10.244.3.0/24 via 10.244.3.0 dev flannel.1 proto 75',
      'neigh delete 10.244.3.0 dev flannel.1',
      `fdb delete ${vtepMac('n3', 4)} dev flannel.1 dst 192.168.1.3 self`,
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
      `ip link set dev flannel.1 address ${vtepMac('n1', 4)}`,
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
    const steps = stepsFor(tunnel({}, change));
    expect(steps.slice(0, 2)).toEqual([
      'ip link delete dev flannel.1',
      expect.stringMatching(/^ip link add/),
    ]);
    expect(steps.filter((step) => /^ip (neigh|route) replace/.test(step))).toHaveLength(4);
    expect(steps.filter((step) => step.startsWith('bridge fdb replace'))).toHaveLength(2);
    expect(steps.filter((step) => step.startsWith('ip route delete'))).toEqual([]);
  });

  it('replace it when it was renamed', () => {
    const steps = stepsFor({ ...tunnel({ name: 'foo' }), routes: [] });
    expect(steps.slice(0, 2)).toEqual(['ip link delete dev foo', expect.stringMatching(/^ip link add/)]);
  });

  it('give it back its mark', () => {
    expect(stepsFor(tunnel({ alias: undefined }))).toEqual(['ip link set dev flannel.1 alias kadm']);
  });

  it('never take the VNI and port of another program’s device', () => {
    const foreign = tunnel({ name: 'vx0', mac: '02:00:00:00:00:01', alias: undefined });
    expect(difference(desired, changed(foreign))).toEqual({
      steps: [],
      conflicts: ['device vx0 of another program has VNI 1 on UDP port 8472'],
      blocked: true,
    });
  });

  it.each([
    ['a tunnel of flannel’s own', { mac: '02:00:00:00:00:01', alias: undefined }],
    ['something else', { vxlan: undefined, kind: 'dummy' }],
  ])('never take its name from %s', (_, change) => {
    const { steps, conflicts, blocked } = difference(desired, changed(tunnel(change)));
    expect({ steps, blocked }).toEqual({ steps: [], blocked: true });
    expect(conflicts).toEqual([expect.stringMatching(/^device flannel.1 is another program's/)]);
  });

  it('correct its address', () => {
    const wrong = { address: '10.9.9.9', prefix: 24, family: 'inet' };
    const local = { address: 'fe80::1', prefix: 64, family: 'inet6' };
    expect(stepsFor(tunnel({ addresses: [wrong, local] }))).toEqual([
      'ip address delete 10.9.9.9/24 dev flannel.1',
      'ip address add 10.244.1.0/32 dev flannel.1',
    ]);
  });
});

describe('the pods’ bridge', () => {
  it.each([
    ['a MAC address that was changed', { mac: '02:00:00:00:00:09' }, `address ${bridgeMac('n1')}`],
    ['an MTU that was changed', { mtu: 1400 }, 'mtu 1450'],
    ['being set down', { up: false }, 'up'],
  ])('is mended after %s', (_, change, words) => {
    expect(stepsFor(bridge(change))).toEqual([`ip link set dev cni0 ${words}`]);
  });

  it('gets its address back in place of another', () => {
    const addresses = [{ address: '10.9.9.9', prefix: 16, family: 'inet' }];
    expect(stepsFor(bridge({ addresses }))).toEqual([
      'ip address delete 10.9.9.9/16 dev cni0',
      'ip address add 10.244.1.1/24 dev cni0',
    ]);
  });

  it('that was deleted comes back with all pods plugged in', () => {
    const interfaces = [ETH0, ...tunnelsOf(desired), pod('veth1', undefined)];
    expect(stepsFor({ interfaces, unplugged: ['veth1'] }).slice(-3)).toEqual([
      'ip link set dev cni0 up',
      'ip link set dev veth1 master cni0',
      'bridge link set dev veth1 hairpin on',
    ]);
  });

  it('that was renamed gives its pods to a new one', () => {
    const steps = stepsFor(bridge({ name: 'foo' }, pod('veth1', 'foo'), pod('veth2', 'docker0')));
    expect(steps.slice(-3)).toEqual([
      'ip link set dev veth1 master cni0',
      'bridge link set dev veth1 hairpin on',
      'ip link delete dev foo',
    ]);
  });

  it('is taken over as the CNI plugin makes it', () => {
    expect(stepsFor(bridge({ alias: undefined, mac: '02:00:00:00:00:09' }))).toEqual([
      'ip link set dev cni0 alias kadm',
      `ip link set dev cni0 address ${bridgeMac('n1')}`,
    ]);
  });

  it('is not taken from another program', () => {
    const addresses = [{ address: '10.244.7.1', prefix: 24, family: 'inet' }];
    const foreign = bridge({ alias: undefined, addresses });
    const { steps, conflicts, blocked } = difference(desired, changed(foreign));
    expect({ steps, blocked }).toEqual({ steps: [], blocked: true });
    expect(conflicts).toEqual([expect.stringMatching(/^device cni0 is another program's/)]);
  });
});

describe('iptables', () => {
  const rules = [
    '-A FORWARD -j KADM-FORWARD',
    '-A KADM-FORWARD -s 10.244.0.0/16 -j ACCEPT',
    '-A KADM-FORWARD -d 10.244.0.0/16 -j ACCEPT',
  ];
  const inputFor = (forward: FamilyState['forward']): string | undefined => {
    const [batch] = batches(difference(desired, changed({ forward })).steps);
    return batch?.input;
  };

  it('lets the pod network pass where the host drops what it forwards', () => {
    expect(inputFor({ drops: true, rules: undefined })).toBe(
      `*filter\n:KADM-FORWARD - [0:0]\n${rules.join('\n')}\nCOMMIT\n`,
    );
    expect(inputFor({ drops: true, rules })).toBeUndefined();
  });

  it('has nothing of ours any more when the host lets everything pass again', () => {
    expect(inputFor({ drops: false, rules })).toBe(
      '*filter\n:KADM-FORWARD - [0:0]\n-D FORWARD -j KADM-FORWARD\n-X KADM-FORWARD\nCOMMIT\n',
    );
  });

  it('is read as iptables-save prints it', () => {
    const chains = ':INPUT ACCEPT [0:0]\n:FORWARD DROP [3:99]\n:KADM-FORWARD - [0:0]';
    expect(parseForward(`*filter\n${chains}\n${rules.join('\n')}\nCOMMIT\n`)).toEqual({ drops: true, rules });
    expect(parseForward('*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n')).toEqual(ACCEPTS);
  });
});

describe('a change of the backend', () => {
  const nodes = (backendType: string, backend: string): Parameters<typeof desiredNetwork>[0] =>
    [2, 3].map((index) => node(index, { backendType, backend }));
  const direct = desiredNetwork(
    [node(1), ...nodes('host-gw', 'host-gw')],
    { ...plan, backend: 'host-gw' },
    host,
  );

  it('replaces each route in one go, and removes the tunnel after that', () => {
    expect(texts(difference(direct.desired, inPlace(desired)).steps)).toEqual([
      'ip route replace 10.244.2.0/24 via 192.168.1.2 dev eth0 proto 75',
      'ip route replace 10.244.3.0/24 via 192.168.1.3 dev eth0 proto 75',
      'ip link delete dev flannel.1',
      'ip link set dev cni0 mtu 1500',
    ]);
  });

  it('back makes the tunnel whole before the first route leads into it', () => {
    const steps = texts(difference(desired, inPlace(direct.desired)).steps);
    const first = steps.findIndex((step) => step.startsWith('ip route replace'));
    expect(steps.findLastIndex((step) => /flannel.1 up|neigh|fdb/.test(step))).toBe(first - 1);
    expect(steps.filter((step) => step.startsWith('ip route delete'))).toEqual([]);
  });
});

describe('pruning', () => {
  it('removes a stale route of ours, on whatever device', () => {
    const stale = { dst: '10.99.0.0/24', gateway: '192.168.1.2', device: 'eth0', protocol: 75, metric: 5 };
    expect(stepsFor({ routes: [...stateOf(network).routes, stale] })).toEqual([
      'ip route delete 10.99.0.0/24 via 192.168.1.2 dev eth0 metric 5 proto 75',
    ]);
  });

  it('never touches a route of another program', () => {
    const foreign = { dst: '10.244.77.0/24', gateway: '192.168.1.2', device: 'eth0', protocol: 3, metric: 0 };
    expect(stepsFor({ routes: [...stateOf(network).routes, foreign] })).toEqual([]);
  });

  it('leaves another program’s route to a peer where it is, and says so', () => {
    const foreign = { dst: '10.244.2.0/24', gateway: undefined, device: 'eth0', protocol: 4, metric: 0 };
    const rest = stateOf(network).routes.filter(({ dst }) => dst !== foreign.dst);
    const found = difference(desired, changed({ routes: [...rest, foreign] }));
    expect(found.steps).toEqual([]);
    expect(found.conflicts).toEqual(["another program's route to 10.244.2.0/24 by eth0 is in the way"]);
  });

  it('gives back the route to this host’s own pods, as the kernel had it', () => {
    const routes = stateOf(network).routes.filter(({ dst }) => dst !== '10.244.1.0/24');
    expect(stepsFor({ routes })).toEqual([
      'ip route replace 10.244.1.0/24 dev cni0 proto kernel scope link src 10.244.1.1',
    ]);
    // It comes with the address, or when the device is up.
    for (const change of [{ addresses: [] }, { up: false }])
      expect(stepsFor({ ...bridge(change), routes })).toHaveLength(1);
    const foreign = { dst: '10.244.1.0/24', gateway: undefined, device: 'eth0', protocol: 4, metric: 0 };
    const found = difference(desired, changed({ routes: [...routes, foreign] }));
    expect(found.steps).toEqual([]);
    expect(found.conflicts).toEqual(["another program's route to 10.244.1.0/24 by eth0 is in the way"]);
  });

  it('removes neighbours and forwarding entries that nobody asked for', () => {
    const found = stepsFor({
      neighbours: new Map([...network.neighbours, ['10.244.8.0', '02:00:00:00:00:08']]),
      fdb: [...stateOf(network).fdb, { mac: '00:00:00:00:00:00', dst: '6.6.6.6' }],
    });
    expect(found).toEqual([
      'ip neigh delete 10.244.8.0 dev flannel.1',
      'bridge fdb delete 00:00:00:00:00:00 dev flannel.1 dst 6.6.6.6 self',
    ]);
  });

  it('makes the nftables table anew when somebody changed it', () => {
    const chains = network.table.chains.map((chain) => ({ ...chain, rules: chain.rules.slice(1) }));
    expect(stepsFor({ table: { ...network.table, chains } })).toEqual(['nft']);
  });
});

describe('both families', () => {
  const nodes = [1, 2].map((index) => node(index, { dual: true }));
  const dual = desiredNetwork(nodes, dualPlan, dualHost).desired;
  const dualSteps = (change: (actual: Actual) => Actual): string[] =>
    texts(difference(dual, change(inPlace(dual))).steps);
  const without6 = (interfaces: readonly HostInterface[]): HostInterface[] =>
    interfaces.filter(({ name }) => name !== 'flannel-v6.1');

  it('need nothing when both are in place', () => {
    expect(dualSteps((actual) => actual)).toEqual([]);
  });

  it('have one bridge, which is made once', () => {
    const made = dualSteps((actual) => ({ ...actual, interfaces: [ETH0, ...tunnelsOf(dual)] }));
    expect(made.slice(0, 5)).toEqual([
      `ip link add name cni0 address ${bridgeMac('n1')} type bridge`,
      'ip link set dev cni0 alias kadm',
      'ip link set dev cni0 mtu 1430',
      'ip address add 10.244.1.1/24 dev cni0',
      'ip address add fd00:10:244:1::1/64 dev cni0 nodad',
    ]);
  });

  it('are repaired without touching each other', () => {
    const made = dualSteps((actual) => ({ ...actual, interfaces: without6(actual.interfaces) }));
    expect(made).toEqual([
      `ip link add name flannel-v6.1 address ${vtepMac('n1', 6)} mtu 1430 type vxlan id 1 local fd77::1 dev eth0 dstport 8472 nolearning`,
      'ip link set dev flannel-v6.1 alias kadm',
      'ip link set dev flannel-v6.1 addrgenmode none',
      'ip address add fd00:10:244:1::/128 dev flannel-v6.1 nodad',
      'ip link set dev flannel-v6.1 up',
      `ip neigh replace fd00:10:244:2:: lladdr ${vtepMac('n2', 6)} dev flannel-v6.1 nud permanent`,
      `bridge fdb replace ${vtepMac('n2', 6)} dev flannel-v6.1 dst fd77::2 self permanent`,
      'ip route replace fd00:10:244:2::/128 dev flannel-v6.1 proto 75',
      'ip route replace fd00:10:244:2::/64 via fd00:10:244:2:: dev flannel-v6.1 onlink proto 75',
    ]);
  });

  it('keep the address that the kernel gives to each link by itself', () => {
    const local = { address: 'fe80::1', prefix: 64, family: 'inet6' };
    const add = (one: HostInterface): HostInterface => ({ ...one, addresses: [...one.addresses, local] });
    expect(dualSteps((actual) => ({ ...actual, interfaces: actual.interfaces.map(add) }))).toEqual([]);
  });

  it('know another program’s route by the metrics of their own', () => {
    const route = { dst: 'fd00:10:244:2::/64', gateway: undefined, device: 'eth1', protocol: 2, metric: 256 };
    const state = stateOf(inFamily(dual, 6));
    const routes = [...state.routes.filter(({ dst }) => dst !== route.dst), route];
    const whole = inPlace(dual);
    const networks = new Map([...whole.networks, [6, { ...state, routes }] as const]);
    expect(difference(dual, { ...whole, networks })).toMatchObject({
      steps: [],
      conflicts: ["another program's route to fd00:10:244:2::/64 by eth1 is in the way"],
    });
  });

  it('have a link-local address of the bridge, which asks for the neighbours of forwarded packets', () => {
    const whole = inPlace(dual);
    const without = (one: HostInterface): HostInterface => ({
      ...one,
      addresses: one.addresses.filter(({ address }) => !address.startsWith('fe80')),
    });
    expect(texts(difference(dual, { ...whole, interfaces: whole.interfaces.map(without) }).steps)).toEqual([
      `ip address add ${linkLocalAddress(bridgeMac('n1'))}/64 dev cni0 nodad`,
    ]);
    expect(linkLocalAddress('7a:26:4b:2d:62:95')).toBe('fe80::7826:4bff:fe2d:6295');
  });

  it('have a route to the host’s own pods each', () => {
    const state = stateOf(inFamily(dual, 6));
    const routes = state.routes.filter(({ device }) => device !== 'cni0');
    const whole = inPlace(dual);
    const networks = new Map([...whole.networks, [6, { ...state, routes }] as const]);
    expect(texts(difference(dual, { ...whole, networks }).steps)).toEqual([
      'ip route replace fd00:10:244:1::/64 dev cni0 proto kernel metric 256',
    ]);
  });

  it('let their packets pass by their own iptables', () => {
    const state = { ...stateOf(inFamily(dual, 6)), forward: { drops: true, rules: undefined } };
    const whole = inPlace(dual);
    const networks = new Map([...whole.networks, [6, state] as const]);
    const [batch] = batches(difference(dual, { ...whole, networks }).steps);
    expect(batch?.argv[0]).toBe('ip6tables-restore');
    expect(batch?.input).toContain('-A KADM-FORWARD -s fd00:10:244::/56 -j ACCEPT');
  });
});

describe('a batch', () => {
  it.each(['eth0\nroute flush', 'eth0 up', 'a"b', '#eth0', ''])('refuses the word %j', (word) => {
    const step = { tool: 'ip', kind: 'link', words: ['link', 'set', word] } as const;
    expect(() => batches([step])).toThrow(/not a word/);
  });
});
