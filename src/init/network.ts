import rbac from '../../templates/agent/rbac.yaml';
import { renderManifest } from '../kube/manifest.ts';
import { startAgent } from '../node/agent.ts';
import { changesOf } from '../node/context.ts';
import type { Phase } from '../phases/phase.ts';
import { applyAll } from './apply.ts';
import { type ControlPlaneContext, type InitContext, localUrl, ownNodeIPs } from './context.ts';

/** What the agents of nodes may do. */
export const addonAgents: Phase<InitContext> = {
  id: 'addon-agents',
  title: 'Allow the agents of nodes to make the pod network',
  needs: ['wait-namespaces'],
  run: async (context) => await applyAll(context, renderManifest(rbac, {})),
};

/**
 * The agent of this node, also where the pod network is somebody else's: it approves the certificates of nodes, and
 * workers that join wait for that.
 */
export const network: Phase<ControlPlaneContext> = {
  id: 'network',
  title: 'Start the agent and the pod network',
  needs: ['addon-agents', 'other-components'],
  async run(context, step) {
    const { settings } = context;
    await startAgent(changesOf(context, 'network'), {
      nodeName: settings.nodeName,
      nodeIP: await ownNodeIPs(context),
      role: 'control-plane',
      server: localUrl(settings),
      podCidrs: settings.podCidrs.map((cidr) => cidr.text),
      serviceCidrs: settings.serviceCidrs.map((cidr) => cidr.text),
      network: settings.network,
      apiNames: apiNames(settings),
    });
    if (settings.network.backend === 'none') step.note('the network is somebody else’s');
  },
};

function apiNames({ controlPlaneEndpoint, certSANs }: ControlPlaneContext['settings']): string[] {
  if (controlPlaneEndpoint === undefined) return [...certSANs];
  const { hostname } = new URL(`https://${controlPlaneEndpoint}`);
  return [hostname.replace(/^\[|\]$/g, ''), ...certSANs];
}
