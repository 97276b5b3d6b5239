import { LocalHost } from '../../host/host.ts';
import type { Phase } from '../../phases/phase.ts';
import { unmountAll } from '../mounts.ts';
import { labPaths } from '../paths.ts';
import type { DownContext } from './context.ts';

export const disks: Phase<DownContext> = {
  id: 'disks',
  title: 'Disks',
  needs: ['hosts', 'network'],
  async run({ name, left }) {
    const host = new LocalHost();
    const { directory } = labPaths(name);
    left.push(...(await unmountAll(host, directory)).map((point) => `mount ${point}, which something uses`));
    // The record goes with the folder: only once nothing is left that it could help to find.
    if (left.length === 0) await host.removeTree(directory);
  },
};
