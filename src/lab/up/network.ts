import type { Phase } from '../../phases/phase.ts';
import { ensureNetwork } from '../network.ts';
import type { UpContext } from './context.ts';

export const network: Phase<UpContext> = {
  id: 'network',
  title: 'Network of the lab',
  needs: ['machine-settings'],
  async run({ record }, step) {
    await ensureNetwork(record);
    step.note(`192.168.${record.subnet}.0/24`);
  },
};
