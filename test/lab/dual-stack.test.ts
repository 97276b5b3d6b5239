import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bracketed } from '../../src/config/family.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { removeLab } from './bare-lab.ts';
import { differences, type HostSnapshot, snapshotHost } from './host-snapshot.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { FlannelNode } from './support/flannel-node.ts';
import { Kubectl } from './support/kubectl.ts';
import { type PodEndpoint, pausePod, reaches, Stream } from './support/pod-network.ts';

/*
 * A cluster of IPv4 and IPv6, of two nodes, and at first h3 of which kadm knows nothing: a node of flannel's. Tests go on
 * where the one before ended, the last ones take it all back, and make another one of IPv6 alone.
 */
const LAB = 'test-dual';
const VERB_TIMEOUT_MS = 300_000;
const REPAIR_MS = 20_000;
/** An established connection between pods is never silent for longer while the backend changes. */
const LONGEST_GAP_MS = 2_000;
/** What is left of 1,500 bytes when the longer of the two tunnels' headers is taken off. */
const POD_MTU = 1_430;
/** Bytes of ICMP's data in a packet of that size: less the headers of IP, and 8 of ICMP. */
const FULL = { 4: POD_MTU - 20 - 8, 6: POD_MTU - 40 - 8 } as const;
const FLAGS = [
  ...['--pod-network-cidr', '10.244.0.0/16,fd00:10:244::/56'],
  ...['--service-cidr', '10.96.0.0/16,fd00:10:96::/112'],
];

let lab: Lab;
let h1: LabHost;
let h2: LabHost;
/** Those that kadm makes nodes. */
let nodes: readonly LabHost[];
let before: HostSnapshot[];
let kubectl: Kubectl;
let pods: readonly [PodEndpoint, PodEndpoint];
let flannel: FlannelNode;
let onFlannel: PodEndpoint;

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 3);
  [h1, h2] = [lab.host('h1'), lab.host('h2')];
  nodes = [h1, h2];
  before = await Promise.all(nodes.map(snapshotHost));
  kubectl = new Kubectl(h1);
  await kadm('init', ...FLAGS);
  flannel = new FlannelNode(lab.host('h3'), kubectl, ['10.244.77.0/24', 'fd00:10:244:77::/64']);
  onFlannel = await flannel.start();
  await kadm('join', '--ssh', 'root@h2');
  await kubectl.run('wait', '--for=create', 'serviceaccount/default', '--timeout=60s');
  pods = [await pausePod(kubectl, h1), await pausePod(kubectl, h2)];
  await flannel.follow();
});

afterAll(() => removeLab(LAB));

async function kadm(...words: string[]): Promise<string> {
  return (await h1.exec(['kadm', ...words], { timeoutMs: VERB_TIMEOUT_MS })).stdout;
}

async function sh(host: LabHost, script: string): Promise<string> {
  return (await host.exec(['sh', '-e', '-c', script])).stdout;
}

/** Pairs of pods, by family, between which packets of this size do not pass. */
async function unreached(
  bytes: (family: 4 | 6) => number = () => 56,
  among: readonly PodEndpoint[] = pods,
): Promise<string[]> {
  const pairs = among.flatMap((from) => among.filter((to) => to !== from).map((to) => ({ from, to })));
  const ways = pairs.flatMap(({ from, to }) =>
    to.addresses.map(async (address) => {
      const passes = await reaches(from, address, bytes(address.includes(':') ? 6 : 4));
      return passes ? [] : [`${from.host.name} to ${address}`];
    }),
  );
  return (await Promise.all(ways)).flat();
}

/** Waits until packets of full size pass between all pods in both families, and tells how long that took. */
async function repaired(what: string, among: readonly PodEndpoint[] = pods): Promise<void> {
  const begun = performance.now();
  await expect
    .poll(() => unreached((family) => FULL[family], among), { timeout: REPAIR_MS, interval: 200 })
    .toEqual([]);
  process.stdout.write(`${what}: repaired after ${((performance.now() - begun) / 1000).toFixed(1)} s\n`);
}

describe('beside a node of flannel’s of both families that was set up by hand', () => {
  test('packets of every size go both ways, also with the worker that joined after it', async () => {
    expect(onFlannel.addresses).toHaveLength(2);
    expect(await unreached(undefined, [...pods, onFlannel])).toEqual([]);
    expect(await unreached((family) => FULL[family], [...pods, onFlannel])).toEqual([]);
    expect(await sh(h1, 'bridge fdb show dev flannel-v6.1')).toContain(` dst ${lab.host('h3').ipv6} self`);
  });

  test('kadm’s nodes follow its new MAC addresses', async () => {
    await flannel.changeMac('77');
    // Its kernel has forgotten its neighbours.
    await flannel.follow();
    await repaired('a flannel node with other MAC addresses', [...pods, onFlannel]);
  });

  test('a wrong announcement of IPv6 leaves it out of that family alone', async () => {
    const told = 'flannel.alpha.coreos.com/public-ipv6';
    const refused = await unreachedFlannel(async () => {
      await kubectl.run('annotate', '--overwrite', 'node', 'h3', `${told}=${h1.ipv6}`);
    });
    expect(refused.every((way) => way.includes(':'))).toBe(true);
    await kubectl.run('annotate', '--overwrite', 'node', 'h3', `${told}=${lab.host('h3').ipv6}`);
    await repaired('its right IPv6 address announced again', [...pods, onFlannel]);
  });

  test('nothing of it stays when its Node goes', async () => {
    await kubectl.run('delete', 'node', 'h3');
    const left = (): Promise<string> =>
      sh(
        h2,
        'ip route; ip -6 route; ip neigh; for d in flannel.1 flannel-v6.1; do bridge fdb show dev $d; done',
      );
    await expect
      .poll(left, { timeout: REPAIR_MS })
      .not.toMatch(/10\.244\.77\.|:244:77:|7a:00:00:00:0[01]:77/);
  });
});

/** Ways between h2's pod and flannel's that do not pass any more after something, when the first has gone. */
async function unreachedFlannel(change: () => Promise<void>): Promise<string[]> {
  await change();
  let found: string[] = [];
  const look = async (): Promise<number> => {
    found = await unreached(undefined, [pods[1], onFlannel]);
    return found.length;
  };
  await expect.poll(look, { timeout: REPAIR_MS }).toBeGreaterThan(0);
  return found;
}

test('nodes have a pod CIDR and an address of each family, the primary one first', async () => {
  const schema = z.object({
    spec: z.object({ podCIDRs: z.array(z.string()) }),
    status: z.object({ addresses: z.array(z.object({ type: z.string(), address: z.string() })) }),
  });
  for (const host of nodes) {
    const { spec, status } = await kubectl.get(schema, 'node', host.name);
    expect(spec.podCIDRs).toEqual([
      expect.stringMatching(/^10\.244\.\d+\.0\/24$/),
      expect.stringMatching(/^fd00:10:244:?[\da-f]*::\/64$/),
    ]);
    const own = status.addresses.flatMap(({ type, address }) => (type === 'InternalIP' ? [address] : []));
    expect(own).toEqual([host.address, host.ipv6]);
  }
  const names = await sh(h1, 'openssl x509 -in /etc/kubernetes/pki/apiserver.crt -noout -ext subjectAltName');
  expect(names).toContain('IP Address:10.96.0.1,');
  expect(names).not.toMatch(/FD00:10:96/i);
});

test('the tunnel of each family is flannel’s, on the host and in the API', async () => {
  const node = z.object({ metadata: z.object({ annotations: z.record(z.string(), z.string()) }) });
  const { metadata } = await kubectl.get(node, 'node', 'h2');
  const link = await sh(h2, 'ip -details link show flannel-v6.1');
  const [, mac] = /link\/ether (\S+)/.exec(link) ?? [];
  expect(link).toMatch(new RegExp(` mtu ${POD_MTU} `));
  expect(link).toMatch(new RegExp(`vxlan id 1 local ${h2.ipv6} dev eth0 .*dstport 8472 .*nolearning`));
  expect(metadata.annotations).toMatchObject({
    'flannel.alpha.coreos.com/public-ipv6': h2.ipv6,
    'flannel.alpha.coreos.com/backend-v6-data': JSON.stringify({ VNI: 1, VtepMAC: mac }),
  });
  expect(await sh(h1, 'bridge fdb show dev flannel-v6.1')).toContain(`${mac} dst ${h2.ipv6} self permanent`);
});

test('pods on two hosts exchange packets of the full pod MTU in both families, unfragmented', async () => {
  for (const { addresses } of pods) expect(addresses).toHaveLength(2);
  expect(await unreached((family) => FULL[family])).toEqual([]);
  const tooLong = await unreached((family) => FULL[family] + 1);
  expect(tooLong).toHaveLength(4);
});

test('a Service of both families answers on both of its addresses, and at its NodePort', async () => {
  const schema = z.object({
    spec: z.object({
      clusterIPs: z.array(z.string()),
      ports: z.array(z.object({ nodePort: z.number() })),
    }),
  });
  const dns = new Kubectl(h1, 'kube-system');
  await dns.run('rollout', 'status', 'deployment/coredns', '--timeout=120s');
  await dns.apply([
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'metrics' },
      spec: {
        type: 'NodePort',
        ipFamilyPolicy: 'RequireDualStack',
        selector: { 'k8s-app': 'kube-dns' },
        ports: [{ port: 80, targetPort: 9153 }],
      },
    },
  ]);
  const { spec } = await dns.get(schema, 'service', 'metrics');
  expect(spec.clusterIPs).toEqual([
    expect.stringMatching(/^10\.96\./),
    expect.stringMatching(/^fd00:10:96::/),
  ]);
  const nodePort = spec.ports[0]?.nodePort;
  for (const pod of pods) {
    const asked = [
      ...spec.clusterIPs.map((address) => `${bracketed(address)}:80`),
      ...nodes.flatMap(({ address, ipv6 }) => [`${address}:${nodePort}`, `[${ipv6}]:${nodePort}`]),
    ];
    for (const target of asked)
      await expect
        .poll(() => metricsAt(pod, target), { timeout: 30_000, message: `${pod.host.name} to ${target}` })
        .toContain('coredns_build_info');
  }
  await dns.run('delete', 'service', 'metrics');
});

/** What an HTTP server answers to a pod. */
async function metricsAt({ host, namespace }: PodEndpoint, target: string): Promise<string> {
  const argv = ['nsenter', `--net=${namespace}`, 'socat', '-t', '5', '-', `TCP:${target},connect-timeout=5`];
  const input = 'GET /metrics HTTP/1.0\r\n\r\n';
  return (await host.exec(argv, { input, allowFailure: true })).stdout;
}

test('a pod reaches hosts by IPv6, as one of them', async () => {
  expect(await reaches(pods[0], h2.ipv6)).toBe(true);
  expect(await sh(h1, 'nft list table ip6 kadm')).toMatch(/ip6 saddr fd00:10:244::\/56 .*masquerade/);
});

test('status and check tell of both families', async () => {
  const status = await kadm('network', 'status');
  expect(status).toMatch(
    /^h2 +ready +vxlan +flannel\.1,flannel-v6\.1 +1430 +10\.244\.\d+\.0\/24,fd00:\S+\/64 +1\/1 /m,
  );
  await expect
    .poll(() => kadm('network', 'status'), { timeout: 60_000, interval: 2_000 })
    .toMatch(/^h1 +h2 IPv6 +reached +[\d.]+ ms/m);
  const check = await kadm('network', 'check');
  expect(check).toMatch(/^IPv6 +h1 +h2 +SERVICE +DNS$/m);
  expect(check).toContain('Every pod reaches all others, at full size too, the Service and DNS.');
});

test.each([
  ['flannel-v6.1 deleted', 'ip link delete flannel-v6.1'],
  ['IPv6 routes flushed', 'ip -6 route flush proto 75'],
  [
    'forwarding entries and neighbours flushed',
    'bridge fdb flush dev flannel-v6.1 self; ip -6 neigh flush dev flannel-v6.1 nud permanent',
  ],
  ['cni0 without its addresses', 'ip address flush dev cni0'],
  ['the IPv6 table of nftables deleted', 'nft delete table ip6 kadm'],
])('%s: it comes back by itself', async (what, damage) => {
  await sh(h2, damage);
  await repaired(what);
  await expect
    .poll(() => sh(h2, 'nft list table ip6 kadm || true'), { timeout: REPAIR_MS })
    .toContain('masquerade');
  // What the kernel still knows of neighbours hides for some seconds that without this one it can ask for none.
  await expect
    .poll(() => sh(h2, 'ip -o address show dev cni0 scope link'), { timeout: REPAIR_MS })
    .toContain('inet6 fe80::');
});

test('without its IPv6 address a node starts no new pods, and IPv4 goes on', async () => {
  const unavailable = 'jsonpath={.status.conditions[?(@.type=="NetworkUnavailable")].status}';
  const state = (): Promise<string> => kubectl.run('get', 'node', 'h2', '--output', unavailable);
  await sh(h2, `ip address delete ${h2.ipv6}/64 dev eth0`);
  await expect.poll(state, { timeout: REPAIR_MS }).toBe('True');
  expect((await unreached()).filter((way) => !way.includes(':'))).toEqual([]);
  await sh(h2, `ip address add ${h2.ipv6}/64 dev eth0 nodad`);
  await repaired('its IPv6 address away and back');
  await expect.poll(state, { timeout: REPAIR_MS }).toBe('False');
});

test('another IPv6 address of a node: it tells it, and the other follows', async () => {
  const another = h2.ipv6.replace(/\d+$/, '222');
  const move = (from: string, to: string): string =>
    `ip address delete ${from}/64 dev eth0; ip address add ${to}/64 dev eth0 nodad`;
  const target = (): Promise<string> => sh(h1, 'bridge fdb show dev flannel-v6.1');
  // What has the default route is taken for the new one, and hosts of a lab have none of IPv6.
  await sh(h2, 'ip -6 route add default dev eth0');
  for (const [from, to] of [
    [h2.ipv6, another],
    [another, h2.ipv6],
  ] as const) {
    await sh(h2, move(from, to));
    await expect.poll(target, { timeout: REPAIR_MS, interval: 200 }).toContain(`dst ${to} self`);
    await repaired(`its IPv6 address ${to}`);
  }
  await sh(h2, 'ip -6 route delete default dev eth0');
});

/** Sets the backend while a connection is held in each family. */
async function setBackend(backend: string): Promise<void> {
  const [ofH1, ofH2] = pods;
  const [v4 = ''] = ofH2.addresses;
  const [, v6 = ''] = ofH1.addresses;
  const streams = [
    await Stream.tcp(ofH1, { ...ofH2, address: v4 }),
    await Stream.tcp(ofH2, { ...ofH1, address: v6 }),
  ];
  await kadm('network', 'set', '--backend', backend);
  for (const stream of streams) {
    const report = await stream.end();
    process.stdout.write(
      `to ${backend}: longest gap ${report.longestGapMs} ms in ${report.received} arrivals\n`,
    );
    expect(report).toMatchObject({ connections: 1 });
    expect(report.received).toBeGreaterThan(20);
    expect(report.longestGapMs).toBeLessThan(LONGEST_GAP_MS);
  }
}

test('with auto, packets of both families go by routes where hosts share a subnet, and back by tunnels', async () => {
  await setBackend('auto');
  const devices = async (): Promise<string[]> => {
    const routes = await sh(h1, 'ip -4 route show proto 75; ip -6 route show proto 75');
    return [...routes.matchAll(/ via (\S+) dev (\S+)/g)].map(([, gateway, device]) => `${gateway} ${device}`);
  };
  await expect.poll(devices, { timeout: REPAIR_MS }).toEqual([`${h2.address} eth0`, `${h2.ipv6} eth0`]);
  await repaired('auto');
  // The kernel finds the gateways of IPv6's tunnel by this one, if by nothing nearer.
  await sh(h1, `ip -6 route add fd00::/16 via ${h2.ipv6} dev eth0`);
  await setBackend('vxlan');
  const tunnel = expect.stringMatching(/^fd00:10:244\S* flannel-v6\.1$/);
  await expect.poll(devices, { timeout: REPAIR_MS }).toEqual([expect.stringMatching(/ flannel\.1$/), tunnel]);
  await repaired('vxlan');
  await sh(h1, 'ip -6 route delete fd00::/16');
});

test('reset leaves nothing of either family', async () => {
  await kadm('reset', '--ssh', 'root@h2', '--force');
  await kadm('reset', '--force');
  for (const [index, host] of nodes.entries()) {
    const first = before[index];
    if (first === undefined) throw new Error(`${host.name} was not looked at before`);
    expect(differences(first, await snapshotHost(host)), host.name).toEqual([]);
  }
});

describe('IPv6 alone', () => {
  test('makes a cluster of hosts that have no IPv4 address', async () => {
    for (const host of nodes)
      await sh(host, 'ip -4 address flush dev eth0; ip -6 route add default dev eth0');
    await kadm('init', '--pod-network-cidr', 'fd00:10:244::/56', '--service-cidr', 'fd00:10:96::/112');
    const [program = '', ...words] = (await kadm('token', 'create', '--print-join-command'))
      .trim()
      .split(' ');
    expect(words).toContain(`[${h1.ipv6}]:6443`);
    await h2.exec([program, ...words], { timeoutMs: VERB_TIMEOUT_MS });
    await kubectl.run('wait', '--for=create', 'serviceaccount/default', '--timeout=60s');
    pods = [await pausePod(kubectl, h1), await pausePod(kubectl, h2)];
    for (const { addresses } of pods) expect(addresses).toEqual([expect.stringMatching(/^fd00:10:244:/)]);
    expect(await unreached((family) => FULL[family])).toEqual([]);
    expect(await sh(h2, 'ip -o link show type vxlan')).toMatch(/^\d+: flannel-v6\.1: .*\n$/);
  });

  test('has Services and DNS', async () => {
    const dns = new Kubectl(h1, 'kube-system');
    await dns.run('rollout', 'status', 'deployment/coredns', '--timeout=120s');
    expect(await kadm('network', 'check')).toContain(
      'Every pod reaches all others, at full size too, the Service and DNS.',
    );
  });

  test('mends itself, and leaves nothing', async () => {
    await sh(h2, 'ip link delete flannel-v6.1; ip -6 route flush dev cni0');
    await repaired('the tunnel and the route to its own pods, of IPv6 alone');
    await h2.exec(['kadm', 'reset', '--force'], { timeoutMs: VERB_TIMEOUT_MS });
    await kadm('reset', '--force');
    for (const host of nodes)
      expect(await sh(host, 'ip -o link show; ip -6 route show; nft list tables')).not.toMatch(
        /flannel|cni0|proto 75|kadm/,
      );
  });
});
