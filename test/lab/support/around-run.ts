import { beginTestRun, endTestRun } from './test-runs.ts';

/** Vitest calls this once before a run of lab tests. */
export async function setup(): Promise<void> {
  await beginTestRun();
}

/** And this at its end, whatever came of it. */
export async function teardown(): Promise<void> {
  await endTestRun();
}
