import { removeNetwork } from '../cni/cleanup.ts';
import type { Phase } from '../phases/phase.ts';
import type { ResetContext } from './context.ts';

/** Links, routes and rules that the network and kube-proxy made: they run no more, so nothing comes back. */
export const cleanNetwork: Phase<ResetContext> = {
  id: 'clean-network',
  title: 'Remove the pod network and the rules of Services',
  needs: ['stop-pods'],
  skip: ({ ledger }) => (ledger.changes.length === 0 ? 'kadm made none here' : undefined),
  async run({ host, ledger }) {
    const before = ledger.changes.find((change) => change.kind === 'nftables');
    await removeNetwork(host, before?.tables ?? []);
  },
};
