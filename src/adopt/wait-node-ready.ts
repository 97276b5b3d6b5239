import { untilNodeReady } from '../join/wait-node-ready.ts';
import type { Phase } from '../phases/phase.ts';
import type { AdoptContext } from './context.ts';

/** As long as kubeadm waits for a kubelet. */
const TIMEOUT_MS = 240_000;

/** Ends when the cluster says that the node is Ready. */
export const waitNodeReady: Phase<AdoptContext> = {
  id: 'wait-node-ready',
  title: 'Wait until the node is Ready',
  needs: ['network'],
  async run({ host, node }, step) {
    const { name, server, caPem } = node.get();
    await untilNodeReady({ host, name, server, caPem }, TIMEOUT_MS, step);
  },
};
