import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { DryRunHost } from '../host/dry-run.ts';
import type { Host } from '../host/host.ts';
import { unmountBelow } from '../host/mounts.ts';
import type { Phase } from '../phases/phase.ts';
import type { ResetContext } from './context.ts';

const PODS_SLICE = 'kubepods.slice';
const STOP_TIMEOUT_MS = 90_000;
const GRACE_MS = 5_000;
const CGROUPS = '/sys/fs/cgroup';

/** Ends every container of the cluster, whether or not the runtime still answers. */
export const stopPods: Phase<ResetContext> = {
  id: 'stop-pods',
  title: 'End the containers',
  needs: ['stop-services'],
  skip: ({ ledger }) => (usesRuntime(ledger) ? undefined : 'kadm started none here'),
  async run({ host, ledger }, step) {
    if (host instanceof DryRunHost) {
      for (const name of await containers(host)) host.say(`end container ${name}`);
    }
    // Slices of systemd hold the containers, so one signal reaches all of them at once.
    await host.run(['systemctl', 'kill', '--signal=SIGKILL', PODS_SLICE], { allowFailure: true });
    await thaw(host);
    await untilContainersGone(host);
    if (runtimeStays(ledger)) await removeContainers(host);
    step.progress('stopping containerd');
    await host.run(['systemctl', 'stop', 'containerd.service'], {
      allowFailure: true,
      timeoutMs: STOP_TIMEOUT_MS,
    });
    // In a dry run they have not been asked to end.
    const left = host.dryRun ? [] : await shims(host);
    for (const pid of left) await host.run(['kill', '-KILL', pid], { allowFailure: true });
    await host.run(['systemctl', 'stop', PODS_SLICE], { allowFailure: true, timeoutMs: STOP_TIMEOUT_MS });
    for (const path of ['/run/containerd', '/var/lib/kubelet', '/var/lib/containerd'])
      await unmountBelow(host, path);
    await removeNetworkNamespaces(host);
    await removeCgroups(host);
  },
};

function usesRuntime(ledger: ResetContext['ledger']): boolean {
  return ledger.changes.some((change) => change.kind === 'unit' && change.name === 'containerd.service');
}

/** Where containerd keeps the OCI configuration of each container that runs. */
const RUNNING = '/run/containerd/io.containerd.runtime.v2.task/k8s.io';

const annotationsSchema = z.object({
  annotations: z.object({
    'io.kubernetes.cri.container-name': z.string().optional(),
    'io.kubernetes.cri.sandbox-name': z.string(),
    'io.kubernetes.cri.sandbox-namespace': z.string(),
  }),
});

/** namespace/pod/container of those that run, sorted; the sandbox of a pod is none of its own. */
async function containers(host: Host): Promise<string[]> {
  const ids = await host.list(RUNNING);
  const texts = await Promise.all(ids.map((id) => host.readFile(`${RUNNING}/${id}/config.json`)));
  return texts.flatMap((text) => containerName(text?.toString('utf8') ?? '') ?? []).sort();
}

/** Undefined for a sandbox, and for a container that ends or begins just now. */
function containerName(config: string): string | undefined {
  try {
    const { annotations } = annotationsSchema.parse(JSON.parse(config));
    const container = annotations['io.kubernetes.cri.container-name'];
    if (container === undefined) return undefined;
    const namespace = annotations['io.kubernetes.cri.sandbox-namespace'];
    return `${namespace}/${annotations['io.kubernetes.cri.sandbox-name']}/${container}`;
  } catch {
    return undefined;
  }
}

/** The runtime was there before kadm, and runs again after the reset. */
function runtimeStays(ledger: ResetContext['ledger']): boolean {
  return ledger.changes.some(
    (change) => change.kind === 'unit' && change.name === 'containerd.service' && change.active,
  );
}

/** What is left of containers that have ended would stay with a runtime that does. */
async function removeContainers(host: Host): Promise<void> {
  const ctr = ['ctr', '--namespace', 'k8s.io'];
  const { stdout } = await host.query([...ctr, 'containers', 'list', '--quiet'], { allowFailure: true });
  const ids = stdout.split('\n').filter((id) => id !== '');
  if (ids.length === 0) return;
  await host.run([...ctr, 'containers', 'rm', ...ids], { allowFailure: true });
  // Each sandbox is an entry of its own too, and holds a lease. With the end of a lease the runtime looks for what
  // nobody refers to any more: their file systems.
  for (const list of ['sandboxes', 'leases'] as const) {
    const { stdout: text } = await host.query([...ctr, list, 'list'], { allowFailure: true });
    // Their shims have ended, which is an error here only to those who do not know it.
    const how = list === 'leases' ? '--sync' : '--force';
    for (const id of ids.filter((one) => text.includes(one))) {
      await host.run([...ctr, list, 'rm', how, id], { allowFailure: true });
    }
  }
}

/**
 * runc freezes a container for a moment to change its settings. Under cgroup v1 what is frozen does not even end by SIGKILL, and
 * a runc that was ended itself in that moment wakes it no more.
 */
async function thaw(host: Host): Promise<void> {
  const path = `${CGROUPS}/freezer/${PODS_SLICE}`;
  const look = ['grep', '--recursive', '--files-without-match', '--include=freezer.state', 'THAWED', path];
  const { stdout } = await host.query(look, { allowFailure: true });
  const frozen = stdout.split('\n').filter((line) => line !== '');
  if (frozen.length > 0) await host.run(['tee', ...frozen], { input: 'THAWED\n', allowFailure: true });
}

/** containerd clears up after containers that ended; the shims of their pods stay, and are killed when it has stopped. */
async function untilContainersGone(host: Host): Promise<void> {
  if (host.dryRun) return;
  const end = performance.now() + GRACE_MS;
  while ((await host.list(RUNNING)).length > 0 && performance.now() < end) await sleep(100);
}

/** Process ids of the shims of Kubernetes' containers. */
async function shims(host: Host): Promise<string[]> {
  const argv = ['pgrep', '--full', 'containerd-shim-runc-v2 -namespace k8s.io'];
  return (await host.query(argv, { allowFailure: true })).stdout.split('\n').filter((pid) => pid !== '');
}

/** The runtime names the network namespaces that it makes for pods cni-… */
async function removeNetworkNamespaces(host: Host): Promise<void> {
  await unmountBelow(host, '/run/netns');
  for (const name of await host.list('/run/netns')) {
    if (name.startsWith('cni-')) await host.removeFile(`/run/netns/${name}`);
  }
  await host.removeDirectory('/run/netns');
}

/** Under cgroup v1 the runtime makes the pods' groups in hierarchies that systemd does not know. */
async function removeCgroups(host: Host): Promise<void> {
  const roots = [CGROUPS, ...(await host.list(CGROUPS)).map((name) => `${CGROUPS}/${name}`)];
  for (const root of roots) {
    const path = `${root}/${PODS_SLICE}`;
    if ((await host.stat(path)) === undefined) continue;
    await host.run(['find', path, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';'], {
      allowFailure: true,
    });
  }
}
