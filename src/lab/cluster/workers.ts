import type { Phase } from '../../phases/phase.ts';
import type { UpContext } from '../up/context.ts';
import { completedOn, runOnLabHost } from './host-verb.ts';

export const workers: Phase<UpContext> = {
  id: 'join',
  title: 'kadm join --ssh from h1',
  needs: ['init'],
  async run(context, step) {
    const [master, ...others] = context.lab.hosts;
    const joined = await Promise.all(others.map(completedOn));
    const left = others.filter((_, index) => joined[index] === undefined);
    if (master === undefined || left.length === 0) return step.note('nobody is left to join');
    const argv = left.flatMap((host) => ['--ssh', `root@${host.name}`]);
    await runOnLabHost(context, master, ['join', ...argv], step);
  },
};
