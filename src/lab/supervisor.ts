import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import script from '../../templates/lab/supervisor.eta';
import { LocalHost } from '../host/host.ts';
import { supervisorCgroups } from './cgroups.ts';
import { containerId } from './names.ts';
import { hostPaths, labPaths, RUNC_ROOT } from './paths.ts';

/** Writes the program that runs the hosts of a lab. */
export async function ensureSupervisor(lab: string): Promise<void> {
  await new LocalHost().writeFile(labPaths(lab).supervisor, script, { mode: 0o700 });
}

/**
 * Starts a host's supervisor, and with it the host: a process of its own session that outlives this one and
 * belongs to the lab's cgroup. It ends when the host is switched off.
 */
export async function startSupervisor(lab: string, host: string): Promise<void> {
  const paths = hostPaths(lab, host);
  await mkdir(RUNC_ROOT, { recursive: true, mode: 0o700 });
  const cgroups = await supervisorCgroups(lab);
  const console = openSync(paths.console, 'a', 0o600);
  try {
    const argv = [labPaths(lab).supervisor, RUNC_ROOT, containerId(lab, host), paths.bundle, ...cgroups];
    const child = spawn('/bin/sh', argv, { detached: true, stdio: ['ignore', console, console], cwd: '/' });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
  } finally {
    closeSync(console);
  }
}
