import { startAgent } from '../node/agent.ts';
import { changesOf } from '../node/context.ts';
import type { Phase } from '../phases/phase.ts';
import type { AdoptContext } from './context.ts';

/** The agent of this node, which brings it into the pod network. */
export const network: Phase<AdoptContext> = {
  id: 'network',
  title: 'Start the agent and the pod network',
  needs: ['prepare-host', 'other-components', 'cluster-network'],
  async run(context) {
    const { name, ip, role, server, network, apiNames } = context.node.get();
    const { podCidrs, serviceCidrs, ...rest } = network;
    await startAgent(changesOf(context, 'network'), {
      nodeName: name,
      nodeIP: ip,
      role,
      server,
      podCidrs,
      serviceCidrs,
      network: rest,
      apiNames,
    });
  },
};
