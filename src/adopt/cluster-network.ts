import rbac from '../../templates/agent/rbac.yaml';
import { applyAll } from '../init/apply.ts';
import { networkConfigObjects } from '../init/upload-config.ts';
import { renderManifest } from '../kube/manifest.ts';
import type { Phase } from '../phases/phase.ts';
import type { AdoptContext } from './context.ts';

/** On a control plane: what agents may do, and where those of other nodes find the network's settings. */
export const clusterNetwork: Phase<AdoptContext> = {
  id: 'cluster-network',
  title: 'Give the cluster kadm’s pod network',
  needs: ['take-over'],
  async run({ admin, host, node }, step) {
    const { role, network } = node.get();
    if (role === 'worker') return step.note('it has one');
    await applyAll({ host, api: admin }, [...renderManifest(rbac, {}), ...networkConfigObjects(network)]);
  },
};
