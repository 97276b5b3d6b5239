import type { Phase } from '../phases/phase.ts';
import type { PhaseNames } from '../phases/select.ts';
import { cleanNetwork } from './clean-network.ts';
import type { ResetContext } from './context.ts';
import { preflight } from './preflight.ts';
import { removeEtcdMember } from './remove-etcd-member.ts';
import { stopPods } from './stop-pods.ts';
import { stopServices } from './stop-services.ts';
import { undoChanges } from './undo-changes.ts';

/** What `kadm reset` does on the host: ends what runs, then undoes the record backwards. */
export const resetPhases: readonly Phase<ResetContext>[] = [
  preflight,
  removeEtcdMember,
  stopServices,
  stopPods,
  cleanNetwork,
  undoChanges,
];

/** What is one phase of kubeadm's. */
export const RESET_NAMES: PhaseNames = {
  'cleanup-node': ['stop-services', 'stop-pods', 'clean-network', 'undo-changes'],
};
