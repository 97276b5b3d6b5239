import type { Phase } from '../../phases/phase.ts';
import type { UpContext } from '../up/context.ts';
import { components } from './components.ts';
import { firstControlPlane } from './first-control-plane.ts';
import { kubeconfig } from './kubeconfig.ts';
import { workers } from './workers.ts';

/** What a cluster takes on top of bare hosts: the same commands that a person would type on them. */
export const clusterPhases: readonly Phase<UpContext>[] = [
  components,
  firstControlPlane,
  kubeconfig,
  workers,
];
