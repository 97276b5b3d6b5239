import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_KUBERNETES_VERSION, imageName, releaseFor } from '../../src/components/catalog.ts';
import { type BenchHost, firstOf } from './bench-lab.ts';

const KUBECTL = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf'] as const;
const NAME = 'bench-traffic';
const PORT = 8080;
const TIMEOUT_MS = 120_000;
const POLL_MS = 100;

interface Pod {
  readonly spec: { readonly nodeName: string };
  readonly status: { readonly podIP: string };
}

/** Waits until as many nodes as there are hosts are Ready. */
export async function untilReady(hosts: readonly BenchHost[]): Promise<void> {
  const wait = ['wait', 'node', '--for=condition=Ready', '--timeout=120s'];
  await firstOf(hosts).run([...KUBECTL, ...wait, ...hosts.map(({ name }) => name)]);
}

/** Runs a pod on each node, and waits until each answers by HTTP to the pods of all the others. */
export async function untilTrafficFlows(hosts: readonly BenchHost[]): Promise<void> {
  const first = firstOf(hosts);
  await first.run([...KUBECTL, 'apply', '-f', '-'], { input: JSON.stringify(workload()) });
  await first.run([...KUBECTL, 'rollout', 'status', `daemonset/${NAME}`, '--timeout=120s']);
  const query = [...KUBECTL, 'get', 'pods', '--selector', `app=${NAME}`, '--output', 'json'];
  const { items } = JSON.parse((await first.run(query)).stdout) as { items: Pod[] };
  const addresses = new Map(items.map(({ spec, status }) => [spec.nodeName, status.podIP]));
  await Promise.all(
    hosts.map(async (host) => {
      const own = addresses.get(host.name);
      if (own === undefined) throw new Error(`no pod runs on ${host.name}`);
      const namespace = await podNamespace(host, own);
      const others = [...addresses.values()].filter((address) => address !== own);
      await Promise.all(others.map((address) => untilAnswered(host, namespace, address)));
    }),
  );
}

/** CoreDNS serves as workload: its image is on every node anyway, and its health plugin answers by HTTP. */
function workload(): object {
  const labels = { app: NAME };
  const corefile = `.:1053 {\n  health :${PORT} {\n    lameduck 0s\n  }\n}\n`;
  const pod = {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 0,
    dnsPolicy: 'Default',
    tolerations: [{ operator: 'Exists' }],
    containers: [
      {
        name: 'server',
        image: imageName('image-coredns', releaseFor(DEFAULT_KUBERNETES_VERSION)),
        imagePullPolicy: 'Never',
        args: ['-conf', '/config/Corefile'],
        readinessProbe: { httpGet: { path: '/health', port: PORT }, periodSeconds: 1 },
        volumeMounts: [{ name: 'config', mountPath: '/config' }],
      },
    ],
    volumes: [{ name: 'config', configMap: { name: NAME } }],
  };
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: NAME }, data: { Corefile: corefile } },
      {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: NAME },
        spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
      },
    ],
  };
}

/** Name of the network namespace, of those on the host, that has this address. */
async function podNamespace(host: BenchHost, address: string): Promise<string> {
  const { stdout } = await host.run(['ls', '/run/netns']);
  for (const name of stdout.split('\n').filter((one) => one !== '')) {
    const shown = await host.run(['ip', '-n', name, '-4', '-o', 'address', 'show']);
    if (shown.stdout.includes(` ${address}/`)) return name;
  }
  throw new Error(`no network namespace of ${host.name} has the address ${address}`);
}

async function untilAnswered(host: BenchHost, namespace: string, address: string): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  const inNamespace = ['ip', 'netns', 'exec', namespace];
  const argv = [...inNamespace, 'socat', '-t', '2', '-', `TCP:${address}:${PORT},connect-timeout=1`];
  const input = `GET /health HTTP/1.0\r\nHost: ${address}\r\n\r\n`;
  for (;;) {
    const { stdout, stderr } = await host.run(argv, { input, allowFailure: true });
    if (stdout.startsWith('HTTP/1.0 200')) return;
    if (performance.now() > deadline) {
      throw new Error(`a pod on ${host.name} gets no answer from ${address}: ${stdout}${stderr}`);
    }
    await sleep(POLL_MS);
  }
}
