import { ApiError, type KubeClient } from '../kube/client.ts';
import type { Phase } from '../phases/phase.ts';
import type { InitContext } from './context.ts';

export const CONTROL_PLANE_LABEL = 'node-role.kubernetes.io/control-plane';

const LABELS = { [CONTROL_PLANE_LABEL]: '', 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
const TAINT = { key: CONTROL_PLANE_LABEL, effect: 'NoSchedule' } as const;
const NODES = '/api/v1/nodes';

interface Taint {
  readonly key: string;
  readonly effect: string;
}

interface Node {
  readonly spec?: { readonly taints?: readonly Taint[] };
}

/**
 * Labels and taints the node as a master. A kubelet that found no API server tries again only after some
 * seconds: the Node is then made here, and the kubelet takes it over. Until it has, the Node has no capacity,
 * and the kubelet would refuse a static pod for good: so the control plane must run before.
 */
export const markControlPlane: Phase<InitContext> = {
  id: 'mark-control-plane',
  title: 'Mark the node as control plane',
  needs: ['wait-control-plane'],
  async run({ api, host, settings }) {
    if (host.dryRun) return;
    const client = await api();
    if (!(await make(client, settings.nodeName))) await mark(client, settings.nodeName);
  },
};

/** @returns false when the Node is there already */
async function make(client: KubeClient, name: string): Promise<boolean> {
  const labels = { ...LABELS, 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' };
  try {
    await client.create(NODES, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels },
      spec: { taints: [TAINT] },
    });
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return false;
    throw error;
  }
}

async function mark(client: KubeClient, name: string): Promise<void> {
  const path = `${NODES}/${name}`;
  const node = await client.get<Node>(path);
  const spec = { taints: withControlPlaneTaint(node.spec?.taints ?? []) };
  await client.patch(path, { metadata: { labels: LABELS }, spec }, 'application/strategic-merge-patch+json');
}

/** The taints of a master. A patch replaces the list as a whole, so those of others are given again. */
export function withControlPlaneTaint(taints: readonly Taint[]): readonly Taint[] {
  const marked = taints.some(({ key, effect }) => key === TAINT.key && effect === TAINT.effect);
  return marked ? taints : [...taints, TAINT];
}
