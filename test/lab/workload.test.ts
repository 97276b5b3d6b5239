import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { Lab } from '../../src/lab/lab.ts';
import { sharedCluster, workloadImage } from './support/cluster.ts';
import { Kubectl } from './support/kubectl.ts';
import { probePod, WEB_PORT, webServer } from './support/workload.ts';

/* A web server of several replicas on the shared cluster, and one pod on each node that asks it. */
const NAMESPACE = 'workload-test';
/** With n ≤ 4 replicas chosen at random, that one is missed has a chance of less than 1 in 20,000. */
const REQUESTS = 40;
const PROBE_ADDRESSES = 'jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{"\\n"}{end}';

const service = z.object({ spec: z.object({ ports: z.array(z.object({ nodePort: z.number() })) }) });

let lab: Lab;
let kubectl: Kubectl;
const image = workloadImage('image-agnhost');
const next = workloadImage('image-agnhost-next');

beforeAll(async () => {
  lab = await sharedCluster();
  kubectl = new Kubectl(lab.host('h1'));
  await kubectl.run('delete', 'namespace', NAMESPACE, '--ignore-not-found');
  await kubectl.run('create', 'namespace', NAMESPACE);
  kubectl = new Kubectl(lab.host('h1'), NAMESPACE);
  // The default ServiceAccount comes a moment after its namespace; pods need it.
  await kubectl.run('wait', '--for=create', 'serviceaccount/default', '--timeout=30s');
  await kubectl.apply([...webServer(image, 3), ...lab.hosts.map(({ name }) => probePod(image, name))]);
  await kubectl.run('rollout', 'status', 'deployment/web', '--timeout=120s');
  await kubectl.run('wait', '--for=condition=Ready', 'pod', '--selector=app=probe', '--timeout=60s');
  // Nodes are Ready some seconds before the cluster's DNS is.
  await new Kubectl(lab.host('h1'), 'kube-system').run(
    'rollout',
    'status',
    'deployment/coredns',
    '--timeout=60s',
  );
});
afterAll(() => kubectl.run('delete', 'namespace', NAMESPACE));

async function webPods(): Promise<string[]> {
  return (await kubectl.pods('--selector=app=web')).map(({ name }) => name).sort();
}

/** Names of the pods that answered requests from a pod on this node to this URL. */
async function answersTo(node: string, url: string): Promise<string[]> {
  const loop = `for i in $(seq ${REQUESTS}); do wget -q -T 5 -O - ${url} || exit 1; echo; done`;
  const said = await kubectl.exec(`probe-${node}`, 'sh', '-c', loop);
  return [...new Set(said.trim().split('\n'))].sort();
}

test('the workload has replicas on both workers, and none on the master', async () => {
  const pods = await kubectl.pods('--selector=app=web');
  expect(pods).toHaveLength(3);
  expect(new Set(pods.map(({ node }) => node))).toEqual(new Set(['h2', 'h3']));
});

test.each(['h1', 'h2', 'h3'])('it answers by the DNS name of its Service from a pod on %s', async (node) => {
  const pods = await webPods();
  expect(await answersTo(node, 'http://web/hostname')).toEqual(pods);
  expect(await answersTo(node, `http://web.${NAMESPACE}.svc.cluster.local/hostname`)).toEqual(pods);
});

test('an address of no Service is refused at once, and not sent out into the world', async () => {
  const { exitCode, stderr } = await kubectl.attempt([
    'exec',
    'probe-h2',
    '--',
    'wget',
    '-q',
    '-T',
    '10',
    '-O',
    '-',
    'http://10.96.77.77/',
  ]);
  expect({ exitCode, refused: /refused/i.test(stderr) }).toEqual({ exitCode: 1, refused: true });
});

test('it answers at its NodePort on every host’s address', async () => {
  const pods = await webPods();
  const { spec } = await kubectl.get(service, 'service', 'web-node');
  for (const { address } of lab.hosts) {
    const url = `http://${address}:${spec.ports[0]?.nodePort}/hostname`;
    const answers = Array.from({ length: REQUESTS }, () => text(url));
    expect([...new Set(await Promise.all(answers))].sort(), url).toEqual(pods);
  }
});

test('pods exchange packets of the full pod MTU between hosts, unfragmented', async () => {
  const addresses = await kubectl.run('get', 'pods', '--selector=app=probe', '--output', PROBE_ADDRESSES);
  const probes = addresses
    .trim()
    .split('\n')
    .map((line) => line.split(' ') as [string, string]);
  expect(probes).toHaveLength(3);
  for (const [from] of probes) {
    const mtu = Number(await kubectl.exec(from, 'cat', '/sys/class/net/eth0/mtu'));
    // 1,500 of the hosts' network, less the 50 that VXLAN adds (RFC 7348, section 5).
    expect(mtu).toBe(1450);
    for (const [, address] of probes.filter(([name]) => name !== from)) {
      // 20 bytes of IP header and 8 of ICMP.
      expect(await ping(from, address, mtu - 28)).toMatch(/ 0% packet loss/);
      expect(await ping(from, address, mtu - 27)).toMatch(/message too long/i);
    }
  }
});

async function ping(from: string, address: string, size: number): Promise<string> {
  const argv = ['ping', '-M', 'do', '-c', '3', '-i', '0.2', '-W', '2', '-s', `${size}`, address];
  const { stdout, stderr } = await kubectl.attempt(['exec', from, '--', ...argv]);
  return `${stdout}${stderr}`;
}

test('it scales to 4, and the fourth answers too', async () => {
  await kubectl.run('scale', 'deployment/web', '--replicas=4');
  await kubectl.run('rollout', 'status', 'deployment/web', '--timeout=60s');
  const pods = await webPods();
  expect(pods).toHaveLength(4);
  await expect.poll(() => answersTo('h2', 'http://web/hostname'), { timeout: 20_000 }).toEqual(pods);
});

test('it rolls to a new version, and back', async () => {
  const before = await webPods();
  expect(await revisions()).toEqual(before.map(() => 'first'));
  await kubectl.run('set', 'image', 'deployment/web', `web=${next}`);
  await kubectl.run('rollout', 'status', 'deployment/web', '--timeout=120s');
  const rolled = await webPods();
  expect(rolled.filter((name) => before.includes(name))).toEqual([]);
  expect(await revisions()).toEqual(rolled.map(() => 'next'));
  await expect.poll(() => answersTo('h3', 'http://web/hostname'), { timeout: 20_000 }).toEqual(rolled);
  await kubectl.run('rollout', 'undo', 'deployment/web');
  await kubectl.run('rollout', 'status', 'deployment/web', '--timeout=120s');
  expect(await revisions()).toEqual(before.map(() => 'first'));
});

/** What each replica's own files say of its version; the first has no such file. */
async function revisions(): Promise<string[]> {
  const script = 'cat /etc/agnhost-revision 2>/dev/null || echo first';
  const said = (await webPods()).map((pod) => kubectl.exec(pod, 'sh', '-c', script));
  return (await Promise.all(said)).map((revision) => revision.trim());
}

test('a pod on a worker shows its logs', async () => {
  for (const pod of await webPods()) {
    expect(await kubectl.run('logs', pod)).toContain(`Started HTTP server on port ${WEB_PORT}`);
  }
});

test('a pod on a worker runs a program with its input and its exit code', async () => {
  for (const node of ['h2', 'h3']) {
    const argv = ['exec', '--stdin', `probe-${node}`, '--', 'sh', '-c', 'cat; hostname; exit 7'];
    const { stdout, exitCode } = await kubectl.attempt(argv, 'given\n');
    expect({ stdout, exitCode }).toEqual({ stdout: `given\nprobe-${node}\n`, exitCode: 7 });
  }
});

test('a pod on a worker has its port forwarded to', async () => {
  for (const pod of await webPods()) {
    const answer = await kubectl.whileForwarding(pod, WEB_PORT, (url) => text(`${url}/hostname`));
    expect(answer).toBe(pod);
  }
});

/** A response over a connection of its own, so that each request is balanced anew. */
async function text(url: string): Promise<string> {
  const headers = { connection: 'close' };
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) });
  return await response.text();
}
