import { startAgent } from '../node/agent.ts';
import { changesOf } from '../node/context.ts';
import type { Phase } from '../phases/phase.ts';
import type { JoinContext } from './context.ts';

export const NO_NETWORK =
  'this cluster has no pod network of kadm’s; if it shall have one: `kadm node adopt` on its control plane, then here';

/** The agent of this node, which brings it into the pod network. */
export const network: Phase<JoinContext> = {
  id: 'network',
  title: 'Start the pod network',
  needs: ['tls-bootstrap', 'other-components'],
  async run(context, step) {
    const { settings, nodeIP, network: found, server } = context.cluster.get();
    if (found?.backend === 'none') return step.note('the network of this cluster is somebody else’s');
    if (found === undefined) {
      step.warn(NO_NETWORK);
      return;
    }
    const { podCidrs, serviceCidrs, ...rest } = found;
    await startAgent(changesOf(context, 'network'), {
      nodeName: settings.nodeName,
      nodeIP,
      role: 'worker',
      server,
      podCidrs,
      serviceCidrs,
      network: rest,
    });
  },
};
