import { removeTestLabs } from './test-labs.ts';

/** Vitest calls this once at the end of a run of lab tests, whatever came of it. */
export async function teardown(): Promise<void> {
  await removeTestLabs();
}
