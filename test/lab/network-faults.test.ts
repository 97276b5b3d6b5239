import { spawn } from 'node:child_process';
import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { AGENT_PORT } from '../../src/agent/port.ts';
import { agentStatusSchema } from '../../src/agent/status.ts';
import { runCommand } from '../../src/host/command.ts';
import { type Lab, openLab } from '../../src/lab/lab.ts';
import { credentialsFrom } from '../../src/pki/kubeconfig.ts';
import { removeLab } from './bare-lab.ts';
import { builtExecutable } from './support/executable.ts';
import { Kubectl } from './support/kubectl.ts';
import type { WireReport } from './support/slow-wire.ts';

/*
 * The probes between agents, and `kadm network status` and `check`, on a cluster of its own: each test breaks one
 * thing on h3 or between it and h2, reads the cause that kadm names, and mends it.
 */
const NAME = 'test-network';
const CONFLIST = '/etc/cni/net.d/00-kadm.conflist';
const UP_TIMEOUT_MS = 10 * 60_000;
const SLOW_WIRE = new URL('./support/slow-wire.ts', import.meta.url).pathname;

const statusResult = z.object({
  result: z.object({ nodes: z.array(z.object({ node: z.string(), status: agentStatusSchema })) }),
});
const checkResult = z.object({
  result: z.object({
    rows: z.array(z.object({ node: z.string(), findings: z.unknown().optional() })),
    broken: z.array(
      z.object({
        from: z.string(),
        to: z.string(),
        what: z.string(),
        cause: z.object({ kind: z.string(), text: z.string() }).optional(),
      }),
    ),
  }),
});

let lab: Lab;
let kubectl: Kubectl;
/** Undoes what a test broke. */
const mend: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const kadm = await builtExecutable();
  await removeLab(NAME);
  await runCommand([kadm, 'lab', 'up', '--name', NAME], { timeoutMs: UP_TIMEOUT_MS });
  const found = await openLab(NAME);
  if (found === undefined) throw new Error(`\`kadm lab up\` made no lab ${NAME}`);
  lab = found;
  kubectl = new Kubectl(lab.host('h1'));
  await new Kubectl(lab.host('h1'), 'kube-system').run(
    'rollout',
    'status',
    'deployment/coredns',
    '--timeout=90s',
  );
  await allReached();
});

afterEach(async () => {
  for (const undo of mend.splice(0).reverse()) await undo();
  await allReached();
});

afterAll(() => removeLab(NAME));

async function on(host: string, ...argv: string[]): Promise<string> {
  return (await lab.host(host).exec(argv)).stdout;
}

/** A last line of NDJSON is the result, or what follows it says that the run failed. */
async function kadmNetwork<T>(schema: z.ZodType<T>, ...argv: string[]): Promise<T> {
  const words = ['kadm', 'network', ...argv, '--output', 'json'];
  const { stdout } = await lab.host('h1').exec(words, { allowFailure: true, timeoutMs: 120_000 });
  const lines = stdout.trim().split('\n');
  const result = lines.find((line) => line.includes('"type":"result"'));
  if (result === undefined) throw new Error(`no result: ${stdout}`);
  return schema.parse(JSON.parse(result));
}

async function statuses(): Promise<z.infer<typeof statusResult>['result']['nodes']> {
  return (await kadmNetwork(statusResult, 'status')).result.nodes;
}

/** By all, of all; also in hooks, where vitest has no poll. */
async function allReached(): Promise<void> {
  const end = performance.now() + 60_000;
  for (;;) {
    const states = (await statuses()).flatMap(({ node, status }) =>
      status.probes.map((probe) => `${node}-${probe.node} ${probe.state}`),
    );
    if (states.length === 6 && states.every((state) => state.endsWith(' reached'))) return;
    if (performance.now() > end) throw new Error(`not all are reached: ${states.join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

interface NamedCause {
  readonly pair: string;
  readonly kind: string;
  readonly text: string;
}

async function causes(...argv: string[]): Promise<NamedCause[]> {
  const { broken } = (await kadmNetwork(checkResult, 'check', ...argv)).result;
  return broken.flatMap(({ from, to, cause }) =>
    cause === undefined ? [] : [{ pair: [from, to].sort().join('-'), ...cause }],
  );
}

async function podCidrOf(node: string): Promise<string> {
  return await kubectl.run('get', 'node', node, '--output', 'jsonpath={.spec.podCIDR}');
}

async function networkUnavailable(node: string): Promise<string> {
  const path = 'jsonpath={.status.conditions[?(@.type=="NetworkUnavailable")].status}';
  return await kubectl.run('get', 'node', node, '--output', path);
}

test('status tells backend, device, MTU, peers and probes at both sizes of each node', async () => {
  const nodes = await statuses();
  expect(nodes.map(({ node }) => node).sort()).toEqual(['h1', 'h2', 'h3']);
  for (const { status } of nodes) {
    expect(status).toMatchObject({
      backend: 'vxlan',
      mtu: 1450,
      networks: [{ family: 'IPv4', device: 'flannel.1' }],
      peers: { wanted: 2, installed: 2 },
      ready: true,
    });
    expect(status.lastRepair?.steps).toBeGreaterThan(0);
    for (const { small, full } of status.probes) {
      expect(small.lastMs).toBeGreaterThan(0);
      expect(full.lastMs).toBeGreaterThan(0);
    }
  }
  const table = await on('h1', 'kadm', 'network', 'status');
  expect(table).toMatch(/^h2 +ready +vxlan +flannel\.1 +1450 +10\.244\.\d\.0\/24 +2\/2 /m);
  expect(table).toMatch(/^h1 +h2 +reached +[\d.]+ ms/m);
});

test('check finds nothing to complain of in a sound network, and leaves nothing behind', async () => {
  const text = await on('h1', 'kadm', 'network', 'check');
  expect(text).toMatch(/Every pod reaches all others, at full size too, the Service and DNS/);
  expect(text).toMatch(/^h2 +[\d.]+ ms.* - +[\d.]+ ms.* ok +ok$/m);
  const left = ['--selector=kadm.io/network-check', '--namespace', 'kube-system', '--output', 'name'];
  await expect.poll(() => kubectl.run('get', 'pods,services', ...left), { timeout: 30_000 }).toBe('');
});

test('UDP port 8472 blocked: named; no pod may start there, until it is open again', async () => {
  await on(
    'h3',
    'nft',
    'add table inet block; add chain inet block in { type filter hook input priority 0; }',
  );
  mend.push(() => lab.host('h3').exec(['nft', 'delete table inet block'], { allowFailure: true }));
  await on('h3', 'nft', 'add rule inet block in udp dport 8472 drop');
  const named = await causes();
  expect(named.map(({ pair, kind }) => `${pair} ${kind}`).sort()).toEqual([
    'h1-h3 blocked-udp',
    'h2-h3 blocked-udp',
  ]);
  await expect.poll(() => networkUnavailable('h3'), { timeout: 40_000, interval: 500 }).toBe('True');
  await expect(on('h3', 'cat', CONFLIST)).rejects.toThrow('No such file');
  // One broken end is not the fault of those that reach each other.
  expect(await networkUnavailable('h2')).toBe('False');
  expect(await networkUnavailable('h1')).toBe('False');
  const begun = performance.now();
  await on('h3', 'nft', 'delete table inet block');
  await expect.poll(() => networkUnavailable('h3'), { timeout: 20_000, interval: 200 }).toBe('False');
  process.stdout.write(`open again after ${((performance.now() - begun) / 1000).toFixed(1)} s\n`);
  expect(await on('h3', 'cat', CONFLIST)).toContain('"kadm"');
});

test('a path that drops large packets: named as the MTU', async () => {
  await on(
    'h3',
    'nft',
    'add table inet block; add chain inet block in { type filter hook input priority 0; }',
  );
  mend.push(() => on('h3', 'nft', 'delete table inet block'));
  await on('h3', 'nft', 'add rule inet block in udp dport 8472 meta length > 1400 drop');
  const named = await causes();
  expect(named.map(({ pair, kind }) => `${pair} ${kind}`).sort()).toEqual(['h1-h3 mtu', 'h2-h3 mtu']);
});

test('strict reverse path filtering with the way back elsewhere: named', async () => {
  const cidr = await podCidrOf('h2');
  await on('h3', 'ip', 'route', 'add', cidr, 'dev', 'eth0', 'table', '100');
  await on('h3', 'ip', 'rule', 'add', 'to', cidr, 'lookup', '100', 'priority', '100');
  mend.push(() => on('h3', 'ip', 'rule', 'delete', 'priority', '100'));
  mend.push(() => on('h3', 'ip', 'route', 'flush', 'table', '100'));
  await on('h3', 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/flannel.1/rp_filter');
  mend.push(() => on('h3', 'sh', '-c', 'echo 0 > /proc/sys/net/ipv4/conf/flannel.1/rp_filter'));
  const named = await causes('--nodes', 'h2,h3');
  expect(named).toEqual([
    {
      pair: 'h2-h3',
      kind: 'rp-filter',
      text: expect.stringMatching(/^h3 drops .*rp_filter=1 on .*flannel\.1/),
    },
  ]);
});

test('another program’s route in the way: named', async () => {
  const cidr = await podCidrOf('h2');
  await on('h3', 'ip', 'route', 'replace', cidr, 'dev', 'eth0', 'proto', 'static');
  mend.push(() => on('h3', 'ip', 'route', 'delete', cidr, 'dev', 'eth0', 'proto', 'static'));
  const conflict = async (): Promise<number> =>
    (await statuses()).find(({ node }) => node === 'h3')?.status.conflicts.length ?? 0;
  await expect.poll(conflict, { timeout: 40_000, interval: 500 }).toBe(1);
  const named = await causes('--nodes', 'h2,h3');
  expect(named).toEqual([
    {
      pair: 'h2-h3',
      kind: 'missing-route',
      text: expect.stringMatching(/^h3 has no route to the pods of h2/),
    },
  ]);
});

test('a CNI configuration before kadm’s: named', async () => {
  const path = '/etc/cni/net.d/00-aaa.conflist';
  const ipam = { type: 'host-local', ranges: [[{ subnet: '10.99.0.0/24' }]], dataDir: '/run/other-ipam' };
  const plugin = { type: 'bridge', bridge: 'other0', isGateway: true, ipam };
  const other = { cniVersion: '1.0.0', name: 'other', plugins: [plugin] };
  mend.push(() => lab.host('h3').exec(['ip', 'link', 'delete', 'other0'], { allowFailure: true }));
  mend.push(() => on('h3', 'rm', '-f', path));
  await lab.host('h3').exec(['cp', '/dev/stdin', path], { input: JSON.stringify(other) });
  const named = await causes('--nodes', 'h2,h3');
  expect(named).toEqual([
    { pair: 'h2-h3', kind: 'competing-cni', text: expect.stringContaining('00-aaa.conflist') },
  ]);
});

test('wrong checksums on the tunnel’s packets: named as checksum offload', async () => {
  await on('h2', 'nft', 'add table ip spoil; add chain ip spoil out { type filter hook output priority 0; }');
  mend.push(() => on('h2', 'nft', 'delete table ip spoil'));
  // Without this hosts of one machine trust each other's checksums.
  await on('h2', 'ethtool', '-K', 'eth0', 'tx', 'off');
  mend.push(() => on('h2', 'ethtool', '-K', 'eth0', 'tx', 'on'));
  // What a network card with a broken offload does.
  await on('h2', 'nft', 'add rule ip spoil out udp dport 8472 udp checksum set 0x1234');
  const named = await causes('--nodes', 'h2,h3');
  expect(named).toEqual([
    { pair: 'h2-h3', kind: 'checksum-offload', text: expect.stringMatching(/ethtool -K flannel\.1/) },
  ]);
});

test('50 ms of delay and 5 % of packets lost each way are no fault', async () => {
  const names = ['h1', 'h2', 'h3'];
  const port = (name: string): number => 20_000 + names.indexOf(name);
  const wire = await slowWire(names.map((name) => `${port(name)}=${lab.host(name).address}:8472`));
  mend.push(() => wire.end());
  const redirect = async (from: string, to: string): Promise<void> => {
    const { address } = lab.host(to);
    const rule = `udp dport 8472 ip daddr ${address} dnat to ${lab.gateway}:${port(to)}`;
    await on(from, 'nft', `add rule ip slow out ${rule}`);
  };
  // Flows that the kernel knows already go on as before.
  const forgetFlows = (name: string): Promise<unknown> =>
    lab
      .host(name)
      .exec(['conntrack', '--delete', '--proto', 'udp', '--dport', '8472'], { allowFailure: true });
  for (const name of names) {
    // Else what is in the tunnel leaves this kernel, for a program, without the checksums that a device would add.
    await on(name, 'ethtool', '-K', 'flannel.1', 'tx', 'off');
    mend.push(() => on(name, 'ethtool', '-K', 'flannel.1', 'tx', 'on'));
    await on(name, 'nft', 'add table ip slow; add chain ip slow out { type nat hook output priority -100; }');
    mend.push(async () => {
      await on(name, 'nft', 'delete table ip slow');
      await forgetFlows(name);
    });
    for (const other of names)
      if (other !== name && [name, other].includes('h3')) await redirect(name, other);
    await forgetFlows(name);
  }
  const before = (await journal('h3')).length;
  const slow = async (): Promise<boolean> => {
    const h3 = (await statuses()).find(({ node }) => node === 'h3');
    expect(await networkUnavailable('h3')).toBe('False');
    return (
      h3?.status.probes.every(({ small, full }) => Math.min(small.lastMs ?? 0, full.lastMs ?? 0) > 95) ??
      false
    );
  };
  await expect.poll(slow, { timeout: 60_000, interval: 1_000 }).toBe(true);
  // Two rounds of probes more.
  await new Promise((resolve) => setTimeout(resolve, 18_000));
  expect(await slow()).toBe(true);
  expect((await journal('h3')).slice(before)).not.toMatch(/does not answer|is answered/);
});

interface SlowWire {
  end(): Promise<void>;
}

/** On this machine, which every host reaches. */
async function slowWire(ways: readonly string[]): Promise<SlowWire> {
  const wire = spawn(process.execPath, [SLOW_WIRE, lab.gateway, '50', '0.05', ...ways], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: wire.stdout })[Symbol.asyncIterator]();
  expect((await lines.next()).value).toBe('ready');
  return {
    end: async () => {
      wire.kill('SIGTERM');
      const { came, lost } = JSON.parse((await lines.next()).value ?? '') as WireReport;
      // Of two peers, in two rounds: probes of two sizes, and their answers.
      expect(came).toBeGreaterThanOrEqual(16);
      process.stdout.write(`slow wire: ${lost} of ${came} packets lost\n`);
    },
  };
}

async function journal(host: string): Promise<string> {
  return await on(host, 'journalctl', '--unit=kadm-agent', '--output=cat', '--no-pager');
}

test('a peer whose agent is stopped is reached all the same', async () => {
  await on('h2', 'systemctl', 'stop', 'kadm-agent');
  mend.push(() => on('h2', 'systemctl', 'start', 'kadm-agent'));
  const stopped = new Date().toISOString();
  const node = statusResult.shape.result.shape.nodes.element;
  const probed = async (): Promise<string[]> => {
    const result = z.object({ result: z.object({ nodes: z.array(z.unknown()) }) });
    const { nodes } = (await kadmNetwork(result, 'status')).result;
    const h3 = node.parse(nodes.find((one) => (one as { node: string }).node === 'h3'));
    const since = h3.status.probes.filter(({ probedAt = '' }) => probedAt > stopped);
    return since.map(({ node: peer, state }) => `${peer} ${state}`).sort();
  };
  await expect.poll(async () => (await probed()).length, { timeout: 60_000, interval: 500 }).toBe(2);
  expect(await probed()).toEqual(['h1 reached', 'h2 reached']);
});

describe('the agent’s metrics', () => {
  interface Answer {
    readonly status: number;
    readonly text: string;
  }

  function get(
    path: string,
    options: { cert?: string; key?: string; token?: string; ca: string },
  ): Promise<Answer> {
    const { token, ...tls } = options;
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const where = { host: lab.host('h2').address, port: AGENT_PORT, path, agent: false };
    return new Promise((resolve, reject) => {
      const call = request({ ...where, ...tls, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      call.on('error', reject);
      call.end();
    });
  }

  test('are for whom the kubelet’s are for, under the cluster’s CA', async () => {
    const {
      caPem: ca,
      certPem = '',
      keyPem = '',
    } = credentialsFrom(await on('h1', 'cat', '/etc/kubernetes/admin.conf'));
    expect(await get('/healthz', { ca })).toEqual({ status: 200, text: 'ok\n' });
    expect((await get('/metrics', { ca })).status).toBe(401);
    expect((await get('/metrics', { ca, token: 'made-up' })).status).toBe(401);
    const agent = await on('h3', 'cat', '/var/lib/kadm/agent/client.pem');
    expect((await get('/metrics', { ca, cert: agent, key: agent })).status).toBe(403);
    const { status, text } = await get('/metrics', { ca, cert: certPem, key: keyPem });
    expect(status).toBe(200);
    expect(text).toMatch(/^kadm_network_peers\{state="installed"\} 2$/m);
    expect(text).toMatch(/^kadm_probe_round_trip_seconds\{peer="h1",family="IPv4",size="full"\} 0\.\d+/m);
    expect(text).toMatch(/^kadm_network_reconcile_duration_seconds_count [1-9]/m);
    expect(text).toMatch(/^kadm_probe_loss_ratio\{peer="h1",family="IPv4",size="small"\} [\d.]+$/m);
    expect(text).toMatch(/^kadm_agent_event_loop_lag_seconds [\d.e-]+$/m);
    const expires = Number(/^kadm_agent_certificate_expiration_timestamp_seconds (\S+)$/m.exec(text)?.[1]);
    expect(expires).toBeGreaterThan(Date.now() / 1000 + 300 * 86_400);
    await on('h2', 'ip', 'route', 'flush', 'dev', 'flannel.1');
    await expect
      .poll(async () => (await get('/metrics', { ca, cert: certPem, key: keyPem })).text, { timeout: 10_000 })
      .toMatch(/^kadm_network_repairs_total\{kind="route"\} [1-9]/m);
  });

  test('are read by a ServiceAccount with the right to the metrics of nodes, and by no other', async () => {
    const { caPem: ca } = credentialsFrom(await on('h1', 'cat', '/etc/kubernetes/admin.conf'));
    for (const name of ['reader', 'other']) await kubectl.run('create', 'serviceaccount', name);
    await kubectl.run('create', 'clusterrole', 'node-metrics', '--verb=get', '--resource=nodes/metrics');
    await kubectl.run(
      'create',
      'clusterrolebinding',
      'reader',
      '--clusterrole=node-metrics',
      '--serviceaccount=default:reader',
    );
    const token = async (name: string): Promise<string> =>
      (await kubectl.run('create', 'token', name)).trim();
    expect((await get('/metrics', { ca, token: await token('other') })).status).toBe(403);
    expect((await get('/metrics', { ca, token: await token('reader') })).status).toBe(200);
    expect((await get('/status', { ca, token: await token('reader') })).status).toBe(403);
  });
});

test('`kadm agent --once --dry-run` prints the plan, and does nothing', async () => {
  await on('h2', 'systemctl', 'stop', 'kadm-agent');
  mend.push(() => on('h2', 'systemctl', 'start', 'kadm-agent'));
  const cidr = await podCidrOf('h3');
  await on('h2', 'ip', 'route', 'delete', cidr);
  const plan = await on('h2', 'kadm', 'agent', '--once', '--dry-run');
  expect(plan).toMatch(/^2 peers; 1 step$/m);
  expect(plan).toContain(`  route replace ${cidr} via `);
  expect(await on('h2', 'ip', 'route', 'show', cidr)).toBe('');
});

test('an agent that hangs is started anew by systemd', async () => {
  const drop = '/etc/systemd/system/kadm-agent.service.d';
  await on('h2', 'mkdir', '-p', drop);
  await lab
    .host('h2')
    .exec(['cp', '/dev/stdin', `${drop}/watchdog.conf`], { input: '[Service]\nWatchdogSec=6\n' });
  mend.push(async () => {
    await on('h2', 'rm', '-r', drop);
    await on('h2', 'systemctl', 'daemon-reload');
    await on('h2', 'systemctl', 'restart', 'kadm-agent');
  });
  await on('h2', 'systemctl', 'daemon-reload');
  await on('h2', 'systemctl', 'restart', 'kadm-agent');
  const pid = async (): Promise<string> =>
    (await on('h2', 'systemctl', 'show', '--property=MainPID', '--value', 'kadm-agent')).trim();
  const first = await pid();
  // It is not started anew while it works.
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  expect(await pid()).toBe(first);
  await on('h2', 'kill', '-STOP', first);
  await expect.poll(pid, { timeout: 30_000, interval: 500 }).not.toBe(first);
  expect(await on('h2', 'journalctl', '--unit=kadm-agent', '--no-pager')).toMatch(/Watchdog timeout/);
});

test('probes go by the backend that there is: without a tunnel, at the full size of the hosts’ network', async () => {
  const set = (backend: string): Promise<unknown> =>
    lab.host('h1').exec(['kadm', 'network', 'set', '--backend', backend], { timeoutMs: 120_000 });
  mend.push(() => set('vxlan'));
  await set('host-gw');
  await allReached();
  for (const { status } of await statuses()) {
    expect(status).toMatchObject({ backend: 'host-gw', mtu: 1500, ready: true });
  }
});
