import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { EXIT, UserError } from '../errors.ts';
import { exists } from '../host/host.ts';
import { type Lab, openLab } from '../lab/lab.ts';
import { report } from './report.ts';

const ADMIN_KUBECONFIG = '/etc/kubernetes/admin.conf';

/** Runs a program in a lab host with this process's streams, and a terminal there when there is one here. */
export async function runInHost(labName: string, hostName: string, argv: readonly string[]): Promise<void> {
  await session(async () => {
    const host = (await existing(labName)).host(hostName);
    await host.demandOn();
    const tty = process.stdin.isTTY === true && process.stdout.isTTY === true;
    const env = {
      ...((await exists(`${host.rootfs}${ADMIN_KUBECONFIG}`)) ? { KUBECONFIG: ADMIN_KUBECONFIG } : {}),
      ...(tty ? { TERM: process.env.TERM ?? 'linux' } : {}),
    };
    return host.execArgv(argv, { tty, env });
  });
}

/** Logs in to a lab host by SSH, with the lab's key and its host keys only. */
export async function sshToHost(labName: string, hostName: string, argv: readonly string[]): Promise<void> {
  await session(async () => {
    const lab = await existing(labName);
    const host = lab.host(hostName);
    await host.demandOn();
    const options = [
      'BatchMode=yes',
      'IdentitiesOnly=yes',
      'StrictHostKeyChecking=yes',
      `UserKnownHostsFile=${lab.knownHosts}`,
    ];
    const flags = ['-F', 'none', '-i', lab.sshKey, ...options.flatMap((option) => ['-o', option])];
    return ['ssh', ...flags, `root@${host.address}`, ...argv];
  });
}

async function existing(name: string): Promise<Lab> {
  const lab = await openLab(name);
  if (lab !== undefined) return lab;
  throw new UserError(`there is no lab ${name}`, {
    remedy: '`kadm lab list` shows those there are, `kadm lab up` makes one',
    exitCode: EXIT.usage,
  });
}

async function session(prepare: () => Promise<string[]>): Promise<void> {
  try {
    process.exitCode = await runAttached(await prepare());
  } catch (error) {
    process.exitCode = report(error, 'text');
  }
}

/** Exit code of a program that has this process's own streams; 128 and the number of the signal that ended it. */
async function runAttached([program = '', ...args]: readonly string[]): Promise<number> {
  // Ctrl-C is for the program: it gets it from the terminal, and this process waits for how that ends.
  const ignore = (): void => {};
  process.on('SIGINT', ignore);
  try {
    const child = spawn(program, args, { stdio: 'inherit' });
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  } finally {
    process.off('SIGINT', ignore);
  }
}
