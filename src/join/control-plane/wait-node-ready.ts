import type { Phase } from '../../phases/phase.ts';
import { untilNode } from '../wait-node-ready.ts';
import type { ControlPlaneJoinContext } from './context.ts';

/** Ends when the API server of this host says that its node is Ready. */
export const waitNodeReady: Phase<ControlPlaneJoinContext> = {
  id: 'wait-node-ready',
  title: 'Wait until the node is Ready',
  needs: ['kubelet-finalize', 'network'],
  async run(context, step) {
    const { settings, network } = context.cluster.get();
    if (context.host.dryRun) return;
    const ours = network !== undefined && network.backend !== 'none';
    const client = await context.here().api();
    const node = { host: context.host, name: settings.nodeName, client };
    await untilNode(node, ours ? 'Ready' : 'registered', settings.timeouts.kubeletMs, step);
  },
};
