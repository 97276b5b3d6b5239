import leaseRights from '../../templates/objects/controller-manager-lease.yaml';
import { renderManifest } from '../kube/manifest.ts';
import type { Phase } from '../phases/phase.ts';
import { applyAll } from './apply.ts';
import type { InitContext } from './context.ts';

/** While the container of the controller manager starts, which takes several times as long. */
export const controllerManagerLease: Phase<InitContext> = {
  id: 'controller-manager-lease',
  title: 'Let the controller manager lead at once',
  needs: ['wait-apiserver'],
  run: async (context) => await applyAll(context, renderManifest(leaseRights, {})),
};
