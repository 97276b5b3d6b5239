import rbac from '../../templates/agent/rbac.yaml';
import { renderManifest } from '../kube/manifest.ts';
import { startAgent } from '../node/agent.ts';
import { changesOf } from '../node/context.ts';
import type { Phase } from '../phases/phase.ts';
import { applyAll } from './apply.ts';
import { type InitContext, localUrl } from './context.ts';

/** What the agents of nodes may do. */
export const addonAgents: Phase<InitContext> = {
  id: 'addon-agents',
  title: 'Allow the agents of nodes to make the pod network',
  needs: ['wait-namespaces'],
  skip: othersNetwork,
  run: async (context) => await applyAll(context, renderManifest(rbac, {})),
};

/**
 * The agent of this node. It can do nothing before the controller manager gives the node its addresses: until
 * then it would only take processor time from it.
 */
export const network: Phase<InitContext> = {
  id: 'network',
  title: 'Start the pod network',
  needs: ['addon-agents', 'other-components', 'wait-control-plane'],
  skip: othersNetwork,
  async run(context) {
    const { settings } = context;
    await startAgent(changesOf(context, 'network'), {
      nodeName: settings.nodeName,
      nodeIP: settings.nodeIP,
      role: 'control-plane',
      server: localUrl(settings),
      podCidrs: settings.podCidrs.map((cidr) => cidr.text),
      serviceCidrs: settings.serviceCidrs.map((cidr) => cidr.text),
      network: settings.network,
    });
  },
};

function othersNetwork({ settings }: InitContext): string | undefined {
  return settings.network.backend === 'none' ? 'the network is somebody else’s' : undefined;
}
