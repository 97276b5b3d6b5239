import type { Phase } from '../../phases/phase.ts';
import { withMachineLock } from '../lock.ts';
import { prepareMachine } from '../machine-state.ts';
import type { UpContext } from './context.ts';

export const machineSettings: Phase<UpContext> = {
  id: 'machine-settings',
  title: 'Kernel settings that all hosts share',
  needs: ['machine-packages'],
  async run(_, step) {
    await withMachineLock({ signal: step.signal }, prepareMachine);
  },
};
