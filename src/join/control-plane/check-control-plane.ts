import { EXIT, UserError } from '../../errors.ts';
import { controlPlaneChecks } from '../../init/preflight.ts';
import { KubeClient } from '../../kube/client.ts';
import { KUBELET_KUBECONFIG } from '../../node/kubelet.ts';
import { runChecks } from '../../node/preflight.ts';
import type { Phase } from '../../phases/phase.ts';
import { whileSettling } from '../settling.ts';
import type { ControlPlaneJoinContext } from './context.ts';

interface Node {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** What of a control plane can only be checked once it is known what its cluster is like. */
export const checkControlPlane: Phase<ControlPlaneJoinContext> = {
  id: 'check-control-plane',
  title: 'Check that the cluster’s control plane fits this host',
  needs: ['discovery'],
  async run(context, step) {
    // An earlier run got further, and what is here is its own.
    if ((await context.host.stat(KUBELET_KUBECONFIG)) !== undefined) return;
    const here = context.here();
    await runChecks(controlPlaneChecks(here), here.settings.ignorePreflightErrors, step);
    await refuseTakenName(context);
  },
};

/** Two nodes of one name would take each other's place: a Node that is Ready is another host's. */
async function refuseTakenName({ cluster }: ControlPlaneJoinContext): Promise<void> {
  const { access, settings } = cluster.get();
  const client = new KubeClient(access, { timeoutMs: settings.timeouts.apiCallMs });
  try {
    const node = await whileSettling(() => client.find<Node>(`/api/v1/nodes/${settings.nodeName}`));
    const conditions = node?.status?.conditions ?? [];
    if (!conditions.some(({ type, status }) => type === 'Ready' && status === 'True')) return;
  } finally {
    client.close();
  }
  throw new UserError(`there is a Node ${settings.nodeName} already, and it is Ready`, {
    remedy: `give this host another --node-name; or, if that Node was this host, wait some 40 s until it is not Ready any more (or: kubectl delete node ${settings.nodeName})`,
    exitCode: EXIT.preflight,
  });
}
