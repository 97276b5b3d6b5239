import { messageOf } from '../errors.ts';
import { unitLog } from '../host/systemd.ts';
import { KubeClient } from '../kube/client.ts';
import { KUBELET_CLIENT_PEM } from '../node/kubelet.ts';
import type { Phase } from '../phases/phase.ts';
import { waitFor } from '../phases/wait.ts';
import type { JoinContext } from './context.ts';

interface Node {
  readonly status?: { readonly conditions?: readonly { type: string; status: string; message?: string }[] };
}

/** Ends when the cluster says that the node is Ready. */
export const waitNodeReady: Phase<JoinContext> = {
  id: 'wait-node-ready',
  title: 'Wait until the node is Ready',
  needs: ['kubelet-start', 'network'],
  async run(context, step) {
    const { settings, server, caPem, network } = context.cluster.get();
    if (context.host.dryRun) return;
    if (network === undefined) return step.note('not waited for: it needs a pod network first');
    const pem = (await context.host.readFile(KUBELET_CLIENT_PEM))?.toString('utf8') ?? '';
    const client = new KubeClient({ server, caPem, certPem: pem, keyPem: pem });
    try {
      await waitFor({
        what: `node ${settings.nodeName} to be Ready`,
        timeoutMs: settings.timeouts.kubeletMs,
        signal: step.signal,
        progress: step.progress,
        check: async () => await notReady(client, settings.nodeName),
        diagnose: async () => {
          const units = ['kubelet.service', 'kadm-agent.service'];
          const logs = await Promise.all(
            units.map(async (unit) => `${unit}:\n${await unitLog(context.host, unit, 6)}`),
          );
          return logs.join('\n');
        },
      });
    } finally {
      client.close();
    }
  },
};

async function notReady(client: KubeClient, name: string): Promise<string | undefined> {
  try {
    const node = await client.find<Node>(`/api/v1/nodes/${name}`);
    if (node === undefined) return 'it is not registered yet';
    const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
    return ready?.status === 'True' ? undefined : (ready?.message ?? 'it has not reported yet');
  } catch (error) {
    return messageOf(error).split('\n')[0];
  }
}
