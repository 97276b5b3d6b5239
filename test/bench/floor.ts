import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { DEFAULT_KUBERNETES_VERSION, imageName, releaseFor } from '../../src/components/catalog.ts';
import { SUPER_ADMIN_KUBECONFIG } from '../../src/init/api-client.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { credentialsFrom } from '../../src/pki/kubeconfig.ts';
import type { BenchHost } from './bench-lab.ts';
import { flush } from './prepared-host.ts';

const PROGRAMS = ['etcd', 'kube-apiserver'] as const;
/** As often as `kadm init` asks. */
const POLL_MS = 50;
const TIMEOUT_MS = 120_000;

interface StaticPod {
  readonly spec: { readonly containers: readonly { readonly command: readonly string[] }[] };
}

/**
 * What no installer can go below: seconds from starting etcd and the API server by hand, both at once and
 * outside containers, on a host whose files are ready (prepareControlPlaneFiles), until /livez answers.
 */
export async function measureFloor(host: BenchHost): Promise<number> {
  const commands = await Promise.all(PROGRAMS.map((name) => commandOf(host, name)));
  await flush(host);
  const client = new KubeClient(credentialsFrom(await host.readFile(SUPER_ADMIN_KUBECONFIG)));
  try {
    const start = performance.now();
    await Promise.all(commands.map((argv) => host.run(['systemd-run', '--quiet', '--', ...argv])));
    await untilAlive(client, start + TIMEOUT_MS);
    return (performance.now() - start) / 1000;
  } finally {
    client.close();
  }
}

/** The program of a static pod, taken out of its image, with the arguments that its manifest gives it. */
async function commandOf(host: BenchHost, name: (typeof PROGRAMS)[number]): Promise<string[]> {
  const image = imageName(`image-${name}`, releaseFor(DEFAULT_KUBERNETES_VERSION));
  const mounted = `/mnt/${name}`;
  const program = `/usr/local/bin/${name}`;
  await host.run(['mkdir', '-p', mounted]);
  await host.run(['ctr', '--namespace', 'k8s.io', 'images', 'mount', image, mounted]);
  await host.run(['cp', `${mounted}${program}`, program]);
  await host.run(['umount', mounted]);
  const pod = parse(await host.readFile(`/etc/kubernetes/manifests/${name}.yaml`)) as StaticPod;
  const [, ...args] = pod.spec.containers[0]?.command ?? [];
  if (args.length === 0) throw new Error(`the static pod ${name} has no command`);
  return [program, ...args];
}

async function untilAlive(client: KubeClient, deadline: number): Promise<void> {
  for (;;) {
    try {
      await client.text('/livez');
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(POLL_MS);
  }
}
