import type { Host } from '../host/host.ts';
import { unitLog } from '../host/systemd.ts';
import { detailOf, KubeClient } from '../kube/client.ts';
import { KUBELET_CLIENT_PEM } from '../node/kubelet.ts';
import type { Phase, Step } from '../phases/phase.ts';
import { waitFor } from '../phases/wait.ts';
import type { JoinContext } from './context.ts';

interface Node {
  readonly status?: { readonly conditions?: readonly { type: string; status: string; message?: string }[] };
}

/** Ends when the cluster says that the node is Ready; where its network is not kadm's, when it knows the node. */
export const waitNodeReady: Phase<JoinContext> = {
  id: 'wait-node-ready',
  title: 'Wait until the node is Ready',
  needs: ['kubelet-start', 'network'],
  async run(context, step) {
    const { settings, server, caPem, network } = context.cluster.get();
    if (context.host.dryRun) return;
    const joined = { host: context.host, name: settings.nodeName, server, caPem };
    const { kubeletMs } = settings.timeouts;
    if (network !== undefined && network.backend !== 'none')
      return await untilNodeReady(joined, kubeletMs, step);
    await untilNodeIs(joined, 'registered', kubeletMs, step);
  },
};

interface JoinedNode {
  readonly host: Host;
  readonly name: string;
  /** URL of the API server. */
  readonly server: string;
  readonly caPem: string;
}

/** Waits, with the kubelet's own rights, until the cluster says that the node is Ready. */
export async function untilNodeReady(node: JoinedNode, timeoutMs: number, step: Step): Promise<void> {
  await untilNodeIs(node, 'Ready', timeoutMs, step);
}

async function untilNodeIs(
  { host, name, server, caPem }: JoinedNode,
  wanted: Wanted,
  timeoutMs: number,
  step: Step,
): Promise<void> {
  const pem = (await host.readFile(KUBELET_CLIENT_PEM))?.toString('utf8') ?? '';
  const client = new KubeClient({ server, caPem, certPem: pem, keyPem: pem });
  try {
    await untilNode({ host, name, client }, wanted, timeoutMs, step);
  } finally {
    client.close();
  }
}

type Wanted = 'registered' | 'Ready';

/** The same with a client that is there. */
export async function untilNode(
  { host, name, client }: { readonly host: Host; readonly name: string; readonly client: KubeClient },
  wanted: Wanted,
  timeoutMs: number,
  step: Step,
): Promise<void> {
  await waitFor({
    what: `node ${name} to be ${wanted}`,
    timeoutMs,
    signal: step.signal,
    progress: step.progress,
    check: async () => await notYet(client, name, wanted),
    diagnose: async () => {
      const units = ['kubelet.service', 'kadm-agent.service'];
      const logs = await Promise.all(units.map(async (unit) => `${unit}:\n${await unitLog(host, unit, 6)}`));
      return logs.join('\n');
    },
  });
  if (wanted === 'registered') step.note('registered; it becomes Ready with the pod network of its cluster');
}

async function notYet(client: KubeClient, name: string, wanted: Wanted): Promise<string | undefined> {
  try {
    const node = await client.find<Node>(`/api/v1/nodes/${name}`);
    if (node === undefined) return 'it is not registered yet';
    if (wanted === 'registered') return undefined;
    const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
    return ready?.status === 'True' ? undefined : (ready?.message ?? 'it has not reported yet');
  } catch (error) {
    return detailOf(error);
  }
}
