import { otherComponents } from '../node/components.ts';
import { prepareHost } from '../node/prepare-host.ts';
import type { Phase } from '../phases/phase.ts';
import { clusterNetwork } from './cluster-network.ts';
import type { AdoptContext } from './context.ts';
import { network } from './network.ts';
import { preflight } from './preflight.ts';
import { readNode } from './read-node.ts';
import { takeOver } from './take-over.ts';
import { waitNodeReady } from './wait-node-ready.ts';

/** Nothing is changed before the ledger says what something else made here. */
const afterTakeOver = (phase: Phase<AdoptContext>): Phase<AdoptContext> => ({
  ...phase,
  needs: ['take-over'],
});

/** What `kadm node adopt` does, in reading order; each phase starts as soon as those that it needs have finished. */
export const adoptPhases: readonly Phase<AdoptContext>[] = [
  preflight,
  readNode,
  takeOver,
  afterTakeOver(prepareHost),
  afterTakeOver(otherComponents),
  clusterNetwork,
  network,
  waitNodeReady,
];
