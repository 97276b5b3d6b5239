import { DEFAULT_KUBERNETES_VERSION, imageName, releaseFor } from '../../src/components/catalog.ts';
import { type BenchHost, firstOf } from './bench-lab.ts';

const KUBECTL = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf'] as const;
const NAME = 'bench-traffic';
const PORT = 8080;
const TIMEOUT_MS = 120_000;

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
      const others = [...addresses.values()].filter((address) => address !== own);
      // One program a host, and little of the processors: they belong to what is measured.
      await host.run(['bash', '-c', UNTIL_ANSWERED, 'until-answered', own, ...others]);
    }),
  );
}

/** Asks from the pod with the first address, by the network namespace that has it, until each other one answers. */
const UNTIL_ANSWERED = `
own=$1
shift
for namespace in /run/netns/*; do
  nsenter --net="$namespace" ip -4 -o address show | grep -q " $own/" && break
done
end=$((SECONDS + ${TIMEOUT_MS / 1000}))
for address in "$@"; do
  until printf 'GET /health HTTP/1.0\\r\\nHost: %s\\r\\n\\r\\n' "$address" |
    nsenter --net="$namespace" socat -t 2 - "TCP:$address:${PORT},connect-timeout=1" 2> /dev/null |
    grep -q '^HTTP/1.0 200'; do
    if [ "$SECONDS" -ge "$end" ]; then
      echo "the pod $own gets no answer from $address" >&2
      exit 1
    fi
    sleep 0.1
  done
done`;

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
