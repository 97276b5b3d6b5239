import { LocalHost } from '../../host/host.ts';
import type { Phase } from '../../phases/phase.ts';
import { withMachineLock } from '../lock.ts';
import { restoreMachine } from '../machine-state.ts';
import { RUNC_ROOT, STATE_ROOT } from '../paths.ts';
import { labNames } from '../record.ts';
import type { DownContext } from './context.ts';

export const machine: Phase<DownContext> = {
  id: 'machine',
  title: 'Settings of this machine',
  needs: ['disks'],
  async run(_, step) {
    await withMachineLock({ signal: step.signal }, async () => {
      const others = await labNames();
      if (others.length > 0) return step.note(`kept for ${others.join(', ')}`);
      await restoreMachine();
      const host = new LocalHost();
      await host.removeDirectory(RUNC_ROOT);
      await host.removeDirectory(STATE_ROOT);
    });
  },
};
