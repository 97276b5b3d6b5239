import type { Phase } from '../phases/phase.ts';
import type { ResetContext } from './context.ts';

export const preflight: Phase<ResetContext> = {
  id: 'preflight',
  title: 'Read what kadm changed on this host',
  needs: [],
  async run({ ledger }, step) {
    const { length } = ledger.changes;
    step.note(length === 0 ? 'nothing' : `${length} changes`);
  },
};
