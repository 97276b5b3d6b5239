import { z } from 'zod';
import type { KubeClient } from '../kube/client.ts';

const NODES = '/api/v1/nodes';
const CONTROL_PLANE_LABEL = 'node-role.kubernetes.io/control-plane';
/** How a node was reached when it joined: [user@]host[:port], and the hosts on the way. */
const SSH_ANNOTATION = 'kadm.io/ssh';
const BASTION_ANNOTATION = 'kadm.io/ssh-bastion';

/** A Node as the fleet sees it. */
export const clusterNodeSchema = z.strictObject({
  name: z.string(),
  addresses: z.array(z.string()),
  /** Whether it is labelled as a control plane. */
  master: z.boolean(),
  /** Those of the machine, as its kubelet tells them. */
  machineId: z.string().optional(),
  systemUuid: z.string().optional(),
  ssh: z.string().optional(),
  bastion: z.string().optional(),
});

export type ClusterNode = z.infer<typeof clusterNodeSchema>;

export const taintSchema = z.strictObject({
  key: z.string(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
});

/** What a Node is told of what its file says. */
export const nodeMarksSchema = z.strictObject({
  node: z.string(),
  labels: z.record(z.string(), z.string()),
  taints: z.array(taintSchema),
  ssh: z.string(),
  bastion: z.string().optional(),
});

export type NodeMarks = z.infer<typeof nodeMarksSchema>;
type Taint = z.infer<typeof taintSchema>;

interface Node {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: { readonly taints?: readonly Taint[] };
  readonly status?: {
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly nodeInfo?: { readonly machineID?: string; readonly systemUUID?: string };
  };
}

export async function clusterNodes(client: KubeClient): Promise<ClusterNode[]> {
  const { items } = await client.list<Node>(NODES);
  return items.map(({ metadata: { name, labels = {}, annotations = {} }, status }) => {
    const addresses = (status?.addresses ?? []).filter(({ type }) => type !== 'Hostname');
    const { machineID, systemUUID } = status?.nodeInfo ?? {};
    const { [SSH_ANNOTATION]: ssh, [BASTION_ANNOTATION]: bastion } = annotations;
    return {
      name,
      addresses: addresses.map(({ address }) => address),
      master: CONTROL_PLANE_LABEL in labels,
      ...(machineID ? { machineId: machineID } : {}),
      ...(systemUUID ? { systemUuid: systemUUID } : {}),
      ...(ssh === undefined ? {} : { ssh }),
      ...(bastion === undefined ? {} : { bastion }),
    };
  });
}

/** Gives a Node the labels and taints of its file, beside those that it has, and notes how it is reached. */
export async function markNode(client: KubeClient, marks: NodeMarks): Promise<void> {
  const path = `${NODES}/${encodeURIComponent(marks.node)}`;
  const { spec } = await client.get<Node>(path);
  // A patch replaces the list as a whole.
  const others = (spec?.taints ?? []).filter(
    ({ key, effect }) => !marks.taints.some((taint) => taint.key === key && taint.effect === effect),
  );
  const annotations = { [SSH_ANNOTATION]: marks.ssh, [BASTION_ANNOTATION]: marks.bastion ?? null };
  const taints = marks.taints.length === 0 ? {} : { spec: { taints: [...others, ...marks.taints] } };
  await client.patch(
    path,
    { metadata: { labels: marks.labels, annotations }, ...taints },
    'application/strategic-merge-patch+json',
  );
}
