import type { Phase } from '../../phases/phase.ts';
import type { UpContext } from '../up/context.ts';
import { completedOn, runOnLabHost } from './host-verb.ts';

export const firstControlPlane: Phase<UpContext> = {
  id: 'init',
  title: 'kadm init on h1',
  needs: ['hosts', 'components'],
  async run(context, step) {
    const host = context.lab.host('h1');
    if ((await completedOn(host)) !== undefined) return step.note('it is a control plane already');
    await runOnLabHost(context, host, ['init'], step);
  },
};
