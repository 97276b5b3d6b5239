import { messageOf } from '../../errors.ts';
import type { Phase } from '../../phases/phase.ts';
import { networkRemains, removeNetwork } from '../network.ts';
import type { DownContext } from './context.ts';

export const network: Phase<DownContext> = {
  id: 'network',
  title: 'Network of the lab',
  needs: ['hosts'],
  async run({ name, left }, step) {
    await removeNetwork(name).catch((error: unknown) => step.warn(messageOf(error)));
    left.push(...(await networkRemains(name)));
  },
};
