import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { ANNOTATION } from '../cni/node-facts.ts';
import type { NetworkSettings } from '../config/networks.ts';
import { EXIT, UserError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Phase, Step } from '../phases/phase.ts';

const CONFIG_PATH = '/api/v1/namespaces/kube-system/configmaps/kadm-config';
const CONFIG_KEY = 'network';
/** The first node goes alone, so that a backend that does not work here is seen on one; then twice as many each time. */
const LARGEST_WAVE = 50;
/** A node takes a fraction of a second. */
const NODE_TIMEOUT_MS = 60_000;
const POLL_MS = 250;

export interface NetworkSetContext {
  readonly client: KubeClient;
  readonly backend: Exclude<NetworkSettings['backend'], 'none'>;
}

const nodeSchema = z.object({
  metadata: z.object({ name: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
  status: z
    .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) })
    .default({ conditions: [] }),
});
type NodeState = z.infer<typeof nodeSchema>;

/** What `kadm network set` does: nodes first, so that one that cannot take the backend leaves the cluster's as it was. */
export const networkSetPhases: readonly Phase<NetworkSetContext>[] = [
  {
    id: 'look',
    title: 'See whether all nodes can take the backend',
    needs: [],
    async run({ client, backend }) {
      await readConfiguration(client);
      refuseFlannel(await readNodes(client), backend);
    },
  },
  {
    id: 'roll',
    title: 'Move the nodes to it',
    needs: ['look'],
    run: roll,
  },
  {
    id: 'keep',
    title: 'Keep it for nodes that join later',
    needs: ['roll'],
    async run(context, step) {
      const { client, backend } = context;
      const configuration = { ...(await readConfiguration(client)), backend };
      const data = { [CONFIG_KEY]: stringify(configuration) };
      await client.patch(CONFIG_PATH, { data }, 'application/merge-patch+json');
      // Those that joined meanwhile were told the former one.
      await roll(context, step);
    },
  },
];

/** @throws UserError where the network is not kadm's */
async function readConfiguration(client: KubeClient): Promise<Record<string, unknown>> {
  const found = await client.find<{ data?: Record<string, string> }>(CONFIG_PATH);
  const configuration = parse(found?.data?.[CONFIG_KEY] ?? '') as Record<string, unknown> | null;
  if (configuration !== null && configuration.backend !== 'none') return configuration;
  throw new UserError('the pod network of this cluster is not kadm’s', { exitCode: EXIT.preflight });
}

async function readNodes(client: KubeClient): Promise<NodeState[]> {
  const { items } = await client.list<unknown>('/api/v1/nodes');
  return items.map((item) => nodeSchema.parse(item));
}

/** flannel has one backend for all nodes, and passes over nodes of any other. */
function refuseFlannel(nodes: readonly NodeState[], backend: string): void {
  const others = nodes.filter(({ metadata: { annotations } }) => {
    return annotations[ANNOTATION.backend] === undefined && annotations[ANNOTATION.backendType] === 'vxlan';
  });
  if (backend !== 'host-gw' || others.length === 0) return;
  throw new UserError(`flannel runs on ${others.map(nameOf).join(', ')}, and would lose all other nodes`, {
    remedy: 'take `auto`, or bring those nodes to kadm first; nothing was changed',
    exitCode: EXIT.preflight,
  });
}

async function roll({ client, backend }: NetworkSetContext, step: Step): Promise<void> {
  const nodes = await readNodes(client);
  const left = nodes.filter(({ metadata: { annotations } }) => {
    return annotations[ANNOTATION.backend] !== undefined && annotations[ANNOTATION.backendWanted] !== backend;
  });
  let done = 0;
  for (const wave of waves(left)) {
    step.progress(`${done} of ${left.length}`);
    await Promise.all(wave.map((node) => move(client, node, backend, step)));
    done += wave.length;
  }
  step.note(left.length === 0 ? 'none is left' : `${left.length} nodes`);
}

/** 1, 2, 4 and so on, up to LARGEST_WAVE at once. */
export function waves<T>(items: readonly T[]): T[][] {
  const result: T[][] = [];
  let size = 1;
  for (let start = 0; start < items.length; start += result.at(-1)?.length ?? 1) {
    result.push(items.slice(start, start + size));
    size = Math.min(size * 2, LARGEST_WAVE);
  }
  return result;
}

/** @throws UserError when the node does not take it, saying why where the node does */
async function move(client: KubeClient, node: NodeState, backend: string, step: Step): Promise<void> {
  const path = `/api/v1/nodes/${encodeURIComponent(nameOf(node))}`;
  const metadata = { annotations: { [ANNOTATION.backendWanted]: backend } };
  await client.patch(path, { metadata }, 'application/merge-patch+json');
  if (conditionOf(node, 'Ready') !== 'True') {
    step.warn(`Node ${nameOf(node)} is not Ready: it takes the backend when it is back`);
    return;
  }
  const end = performance.now() + NODE_TIMEOUT_MS;
  for (;;) {
    const now = nodeSchema.parse(await client.get<unknown>(path, undefined, step.signal));
    const { annotations } = now.metadata;
    const works = conditionOf(now, 'NetworkUnavailable') === 'False';
    if (annotations[ANNOTATION.backend] === backend && works) return;
    const refused = annotations[ANNOTATION.backendRefused];
    if (refused?.startsWith(`${backend}: `)) throw await takenBack(client, path, node, refused);
    if (performance.now() > end)
      throw notTaken(node, `no answer of its agent within ${NODE_TIMEOUT_MS / 1000} s`);
    await sleep(POLL_MS, undefined, { signal: step.signal });
  }
}

/** A node that refuses is not asked any longer: it would take the backend some day, when nobody thinks of it. */
async function takenBack(client: KubeClient, path: string, node: NodeState, why: string): Promise<UserError> {
  const metadata = { annotations: { [ANNOTATION.backendWanted]: null } };
  await client.patch(path, { metadata }, 'application/merge-patch+json');
  return notTaken(node, why);
}

function notTaken(node: NodeState, why: string): UserError {
  return new UserError(`Node ${nameOf(node)} has not changed its backend: ${why}`, {
    remedy:
      'all nodes reach each other with whichever backend each has now; mend the cause and run the command again, or go back with --backend',
  });
}

function nameOf({ metadata }: NodeState): string {
  return metadata.name;
}

function conditionOf({ status }: NodeState, type: string): string | undefined {
  return status.conditions.find((one) => one.type === type)?.status;
}
