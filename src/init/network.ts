import rbac from '../../templates/agent/rbac.yaml';
import { renderManifest } from '../kube/manifest.ts';
import { startAgent } from '../node/agent.ts';
import { changesOf } from '../node/context.ts';
import type { Phase } from '../phases/phase.ts';
import { applyAll } from './apply.ts';
import { type InitContext, localUrl } from './context.ts';

/** The pod network: what its agents may do, and the agent of this node. */
export const network: Phase<InitContext> = {
  id: 'network',
  title: 'Start the pod network',
  needs: ['bootstrap-token'],
  skip: ({ settings }) =>
    settings.network.backend === 'none' ? 'the network is somebody else’s' : undefined,
  async run(context, step) {
    const { settings } = context;
    await applyAll(context, step, renderManifest(rbac, {}));
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
