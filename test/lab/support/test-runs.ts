import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exists, LocalHost } from '../../../src/host/host.ts';
import { removeTestLabs } from './test-labs.ts';

/** One file for each run of lab tests on this machine, called by the process id of its Vitest. */
const RUNS = join(tmpdir(), 'kadm-test-runs');

export async function beginTestRun(): Promise<void> {
  await mkdir(RUNS, { recursive: true });
  await writeFile(join(RUNS, String(process.pid)), '');
}

/** The last of several runs side by side removes what tests have left: the labs of the others are in use. */
export async function endTestRun(): Promise<void> {
  await rm(join(RUNS, String(process.pid)), { force: true });
  if (!(await isRunning())) await removeTestLabs();
}

/** Whether there is a run; what one that was killed has left is removed. */
async function isRunning(): Promise<boolean> {
  let running = false;
  for (const pid of await new LocalHost().list(RUNS)) {
    if (await exists(`/proc/${pid}`)) running = true;
    else await rm(join(RUNS, pid), { force: true });
  }
  return running;
}

// Run by itself, for the end of `npm test`: its Vitest may have been killed.
if (process.argv[1] === import.meta.filename) await endTestRun();
