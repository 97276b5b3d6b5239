import { exists } from '../../host/host.ts';
import type { Phase } from '../../phases/phase.ts';
import { ensureRootfs } from '../rootfs.ts';
import type { UpContext } from './context.ts';

export const rootFilesystem: Phase<UpContext> = {
  id: 'root-filesystem',
  title: 'Root filesystem of the hosts',
  needs: ['machine-packages'],
  async run({ record, cacheDirectory }, step) {
    if (await exists(record.rootfs)) return step.note('from the cache');
    step.progress('Debian 13 by debootstrap, about a minute, once');
    await ensureRootfs({ cacheDirectory, onProgress: step.progress, signal: step.signal });
  },
};
