import { parse } from 'yaml';
import { z } from 'zod';
import type { Host } from '../host/host.ts';
import { lastWordsOf } from '../node/diagnose.ts';
import { ask, type Probe } from '../node/health.ts';
import { waitFor } from '../phases/wait.ts';
import type { Component } from '../pki/table.ts';

const MANIFESTS = '/etc/kubernetes/manifests';
/**
 * As long as the kubelet gives static pods to end. The API server stops listening at once and would then wait for the
 * end of watches, which do not end: what else is under way gets a second, and nobody is without it for longer.
 */
const TERMINATION_MS = { 'kube-apiserver': 1_000, others: 30_000 } as const;
/** After SIGKILL. */
const GONE_MS = 30_000;
/** The kubelet looks at containers once a second; one that ended a short time before is made to wait 10 s and more. */
const KUBELET_NOTICES_MS = 4_000;
const CTR = ['ctr', '--namespace', 'k8s.io'] as const;

const probeSchema = z.looseObject({
  httpGet: z.looseObject({
    host: z.string().default('127.0.0.1'),
    path: z.string(),
    port: z.union([z.number(), z.string()]),
    scheme: z.enum(['HTTP', 'HTTPS']).default('HTTP'),
  }),
});

const podSchema = z.looseObject({
  spec: z.looseObject({
    containers: z.array(
      z.looseObject({
        ports: z.array(z.looseObject({ name: z.string().optional(), containerPort: z.number() })).optional(),
        readinessProbe: probeSchema.optional(),
        livenessProbe: probeSchema.optional(),
      }),
    ),
  }),
});

/** Where the kubelet asks a static pod whether it is well; undefined when the manifest does not say. */
export function probeOf(manifest: string): Probe | undefined {
  const parsed = podSchema.safeParse(parse(manifest));
  const container = parsed.data?.spec.containers[0];
  const httpGet = (container?.readinessProbe ?? container?.livenessProbe)?.httpGet;
  if (httpGet === undefined) return undefined;
  const { scheme, host, path } = httpGet;
  const named = container?.ports?.find(({ name }) => name === httpGet.port)?.containerPort;
  const port = typeof httpGet.port === 'number' ? httpGet.port : named;
  return port === undefined ? undefined : { scheme, host, port, path };
}

/** Undefined when the pod answers its own probe well, or has none; else what is amiss. */
export async function healthOf(host: Host, name: Component): Promise<string | undefined> {
  const manifest = await host.readFile(`${MANIFESTS}/${name}.yaml`);
  const probe = manifest === undefined ? undefined : probeOf(manifest.toString('utf8'));
  return probe === undefined ? undefined : await ask(probe);
}

export async function isStaticPod(host: Host, name: Component): Promise<boolean> {
  return (await host.stat(`${MANIFESTS}/${name}.yaml`)) !== undefined;
}

export interface Restart {
  readonly timeoutMs: number;
  readonly progress: (message: string) => void;
  /** What else has to be well afterwards: undefined when it is. */
  readonly also: () => Promise<string | undefined>;
}

/**
 * Ends the container of a static pod, so that the kubelet starts a new one of the same manifest, and waits until that
 * one is healthy. Only this container starts anew: the pod, and all others, stay.
 * @throws UserError when it is not healthy in time, with the last words of the container
 */
export async function restartStaticPod(host: Host, name: Component, restart: Restart): Promise<void> {
  const old = await runningContainer(host, name);
  if (old === undefined) await host.run(['systemctl', 'restart', 'kubelet.service']);
  else await endContainer(host, name, old);
  const ended = performance.now();
  let nudged = old === undefined;
  await waitFor({
    what: name,
    timeoutMs: restart.timeoutMs,
    // Not to be left half done: an interruption waits for the end of this component.
    signal: new AbortController().signal,
    progress: restart.progress,
    check: async () => {
      if ((await runningContainer(host, name)) !== undefined) {
        return (await healthOf(host, name)) ?? (await restart.also());
      }
      // Started anew, the kubelet has forgotten that it wanted to wait.
      if (!nudged && performance.now() - ended > KUBELET_NOTICES_MS) {
        nudged = true;
        await host.run(['systemctl', 'restart', 'kubelet.service']);
      }
      return 'its container is not there yet';
    },
    diagnose: async () => await lastWordsOf(host, name),
  });
}

async function endContainer(host: Host, name: Component, id: string): Promise<void> {
  const kill = async (signal: string): Promise<void> => {
    await host.run([...CTR, 'tasks', 'kill', '--signal', signal, id], { allowFailure: true });
  };
  await kill('SIGTERM');
  const grace = name === 'kube-apiserver' ? TERMINATION_MS[name] : TERMINATION_MS.others;
  const end = performance.now() + grace;
  let killed = false;
  await waitFor({
    what: `the end of ${name}`,
    timeoutMs: grace + GONE_MS,
    signal: new AbortController().signal,
    progress: () => {},
    check: async () => {
      if ((await runningContainer(host, name)) !== id) return undefined;
      if (!killed && performance.now() > end) {
        killed = true;
        await kill('SIGKILL');
      }
      return 'it still runs';
    },
  });
}

/** The id of the container of this name that runs; undefined when none does. */
async function runningContainer(host: Host, name: Component): Promise<string | undefined> {
  const filter = [
    `labels."io.kubernetes.container.name"==${name}`,
    'labels."io.kubernetes.pod.namespace"==kube-system',
    'labels."io.cri-containerd.kind"==container',
  ].join(',');
  const [containers, tasks] = await Promise.all([
    host.query([...CTR, 'containers', 'list', '--quiet', filter]),
    host.query([...CTR, 'tasks', 'list']),
  ]);
  const ids = new Set(containers.stdout.split('\n'));
  const running = tasks.stdout.split('\n').map((line) => line.trim().split(/\s+/));
  return running.find(([id = '', , state]) => ids.has(id) && state === 'RUNNING')?.[0];
}
