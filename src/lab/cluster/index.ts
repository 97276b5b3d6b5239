import type { Phase } from '../../phases/phase.ts';
import type { UpContext } from '../up/context.ts';
import { components } from './components.ts';
import { kubeconfig } from './kubeconfig.ts';
import { nodes } from './nodes.ts';

/** What a cluster takes on top of bare hosts: the same command that a person would type on one of them. */
export const clusterPhases: readonly Phase<UpContext>[] = [components, nodes, kubeconfig];
