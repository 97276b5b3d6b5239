import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import { ApiError, type KubeClient } from './client.ts';

const POLL_MS = 250;

interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string }[];
  };
  readonly status?: { readonly phase?: string };
}

/**
 * Empties a node as `kubectl drain --ignore-daemonsets --delete-emptydir-data` does: no new pods, the present
 * ones evicted with respect for their disruption budgets.
 * @throws UserError naming the pods that are still there after `timeoutMs`
 */
export async function drain(
  client: KubeClient,
  node: string,
  options: {
    readonly timeoutMs: number;
    readonly progress: (message: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  await client.patch(
    `/api/v1/nodes/${node}`,
    { spec: { unschedulable: true } },
    'application/merge-patch+json',
  );
  const end = performance.now() + options.timeoutMs;
  for (;;) {
    const left = await podsToEvict(client, node);
    if (left.length === 0) return;
    options.progress(`${left.length} pods to leave ${node}`);
    await Promise.all(left.map(async (pod) => await evict(client, pod)));
    if (performance.now() > end) {
      const names = left.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(', ');
      throw new UserError(`pods that do not leave ${node}: ${names}`, {
        remedy:
          'see what holds them (a disruption budget, a finalizer), or reset without draining: --no-drain',
      });
    }
    await sleep(POLL_MS, undefined, { signal: options.signal });
  }
}

async function podsToEvict(client: KubeClient, node: string): Promise<Pod[]> {
  const { items } = await client.list<Pod>('/api/v1/pods', { fieldSelector: `spec.nodeName=${node}` });
  return items.filter(({ metadata, status }) => {
    const daemon = metadata.ownerReferences?.some(({ kind }) => kind === 'DaemonSet') === true;
    const mirror = metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
    const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed';
    return !daemon && !mirror && !ended;
  });
}

/** Asking again for a pod that is already on its way out does no harm; 429 means that a budget does not allow it yet. */
async function evict(client: KubeClient, { metadata: { name, namespace } }: Pod): Promise<void> {
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
  try {
    await client.create(`/api/v1/namespaces/${namespace}/pods/${name}/eviction`, body);
  } catch (error) {
    if (error instanceof ApiError && (error.status === 404 || error.status === 429)) return;
    throw error;
  }
}
