import { STATE_DIRECTORY } from '../phases/ledger.ts';
import type { Phase } from '../phases/phase.ts';
import { undo } from '../phases/undo.ts';
import type { ResetContext } from './context.ts';

/** Last of all the ledger itself: until then a reset that was cut short can be repeated. */
export const undoChanges: Phase<ResetContext> = {
  id: 'undo-changes',
  title: 'Undo what the ledger records',
  needs: ['clean-network'],
  async run({ host, ledger }) {
    await undo(host, ledger);
    await host.removeTree(STATE_DIRECTORY);
  },
};
