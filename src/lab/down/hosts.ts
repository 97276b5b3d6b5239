import type { Phase } from '../../phases/phase.ts';
import { cgroupsOf, removeCgroups } from '../cgroups.ts';
import { killLab } from '../processes.ts';
import { containersOf, deleteContainer } from '../runtime.ts';
import type { DownContext } from './context.ts';

export const hosts: Phase<DownContext> = {
  id: 'hosts',
  title: 'Hosts',
  needs: [],
  async run({ name, left }) {
    const processes = await killLab(name);
    left.push(...processes.map((pid) => `process ${pid}`));
    for (const id of await containersOf(name)) await deleteContainer(id);
    await removeCgroups(name);
    left.push(...(await cgroupsOf(name)).map((path) => `cgroup ${path}`));
  },
};
