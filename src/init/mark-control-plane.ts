import type { ExtraArg } from '../config/control-plane.ts';
import type { NodeSettings } from '../config/node-settings.ts';
import { DryRunHost } from '../host/dry-run.ts';
import { ApiError, type KubeClient } from '../kube/client.ts';
import type { Phase } from '../phases/phase.ts';
import type { ControlPlaneContext } from './context.ts';

export const CONTROL_PLANE_LABEL = 'node-role.kubernetes.io/control-plane';

const LABELS = { [CONTROL_PLANE_LABEL]: '', 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
const TAINT = { key: CONTROL_PLANE_LABEL, effect: 'NoSchedule' } as const;
const NODES = '/api/v1/nodes';

interface Taint {
  readonly key: string;
  readonly value?: string | undefined;
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
export const markControlPlane: Phase<ControlPlaneContext> = {
  id: 'mark-control-plane',
  title: 'Mark the node as control plane',
  needs: ['wait-control-plane'],
  async run({ api, host, settings }) {
    const taints = [...(settings.taints ?? [TAINT]), ...registeredTaints(settings)];
    const node = wantedNode(settings.nodeName, nodeLabels(settings.kubeletExtraArgs), taints);
    if (host instanceof DryRunHost) return host.apply([node]);
    const client = await api();
    if (!(await make(client, node))) await mark(client, settings.nodeName, taints);
  },
};

function wantedNode(
  name: string,
  extraLabels: Readonly<Record<string, string>>,
  taints: readonly Taint[],
): object {
  const labels = { ...extraLabels, ...LABELS, 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' };
  return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels }, spec: { taints } };
}

/** Those that the kubelet would give the node if it made it (`--node-labels`). */
export function nodeLabels(kubeletExtraArgs: readonly ExtraArg[]): Record<string, string> {
  const given = kubeletExtraArgs.filter(({ name }) => name === 'node-labels');
  const pairs = given.flatMap(({ value }) => value.split(',')).filter((pair) => pair !== '');
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key = '', value = ''] = pair.split('=');
      return [key.trim(), value.trim()];
    }),
  );
}

/** Those that the kubelet would register the node with: flag and field of its configuration. */
function registeredTaints({ kubelet, kubeletExtraArgs }: NodeSettings): Taint[] {
  const given = kubeletExtraArgs.filter(({ name }) => name === 'register-with-taints');
  const words = given.flatMap(({ value }) => value.split(',')).filter((word) => word !== '');
  const fromFlags = words.map((word) => {
    const [, key = '', value, effect = ''] = /^([^=:]+)(?:=([^:]*))?:(\w+)$/.exec(word) ?? [];
    return { key, value, effect };
  });
  const { registerWithTaints: fromFile = [] } = kubelet as { registerWithTaints?: Taint[] };
  return [...fromFlags, ...fromFile];
}

/** @returns false when the Node is there already */
async function make(client: KubeClient, node: object): Promise<boolean> {
  try {
    await client.create(NODES, node);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return false;
    throw error;
  }
}

async function mark(client: KubeClient, name: string, taints: readonly Taint[]): Promise<void> {
  const path = `${NODES}/${name}`;
  const node = await client.get<Node>(path);
  const spec = { taints: withTaints(node.spec?.taints ?? [], taints) };
  await client.patch(path, { metadata: { labels: LABELS }, spec }, 'application/strategic-merge-patch+json');
}

/** The taints of a master. A patch replaces the list as a whole, so those of others are given again. */
export function withTaints(present: readonly Taint[], wanted: readonly Taint[]): readonly Taint[] {
  const missing = wanted.filter(
    (taint) => !present.some(({ key, effect }) => key === taint.key && effect === taint.effect),
  );
  return [...present, ...missing];
}
