import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchHost } from './bench-lab.ts';

const TIMEOUT_MS = 60_000;
const MANIFESTS = '/etc/kubernetes/manifests';

/** Waits for something that comes by itself. */
export async function until(what: string, test: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + TIMEOUT_MS;
  while (!(await test())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${TIMEOUT_MS / 1000} s`);
    await sleep(200);
  }
}

/**
 * Stops all pods and the kubelets of a cluster, so that they take nothing from what is measured; the agents stay.
 * @param left programs of static pods on the first host that go on running
 */
export async function quietCluster(hosts: readonly BenchHost[], left: readonly string[]): Promise<void> {
  const [master] = hosts;
  if (master === undefined) return;
  const system = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf', '--namespace', 'kube-system'];
  const leaving = ['daemonset/kube-proxy', 'deployment/coredns'];
  await master.run([...system, 'delete', '--cascade=foreground', ...leaving]);
  const programs = (await master.run(['ls', MANIFESTS])).stdout.trim().split('\n');
  const stopped = programs.map((file) => file.replace(/\.yaml$/, '')).filter((name) => !left.includes(name));
  for (const name of stopped) await master.run(['rm', `${MANIFESTS}/${name}.yaml`]);
  for (const name of stopped) await until(`the end of ${name}`, async () => !(await runs(master, name)));
  // What is left goes on without it.
  for (const host of hosts) await host.run(['systemctl', 'stop', 'kubelet']);
}

async function runs(host: BenchHost, program: string): Promise<boolean> {
  return (await host.run(['pgrep', '--full', `^(\\S*/)?${program} `], { allowFailure: true })).exitCode === 0;
}
