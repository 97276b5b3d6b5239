import { runCommand } from '../../../src/host/command.ts';
import { type Lab, openLab } from '../../../src/lab/lab.ts';
import { removeLab } from '../bare-lab.ts';
import { builtExecutable } from './executable.ts';

const UP_TIMEOUT_MS = 10 * 60_000;

/** Hosts that have the built kadm, its components within reach, and nothing of Kubernetes: fresh ones. */
export async function bareLabWithKadm(name: string, nodes: number): Promise<Lab> {
  const kadm = await builtExecutable();
  await removeLab(name);
  const argv = [kadm, 'lab', 'up', '--bare', '--nodes', String(nodes), '--name', name];
  await runCommand(argv, { timeoutMs: UP_TIMEOUT_MS });
  const lab = await openLab(name);
  if (lab === undefined) throw new Error(`\`kadm lab up\` made no lab ${name}`);
  return lab;
}
