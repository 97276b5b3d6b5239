import { destroyLab, labsToDestroy } from '../../../src/lab/destroy.ts';
import { SHARED_LAB } from './cluster.ts';

/** Tests call their labs `test` or `test-SOMETHING`; all others on the machine are somebody's. */
export function isTestLab(name: string): boolean {
  return name === SHARED_LAB || name.startsWith('test-');
}

/** Removes what a test run, cut short perhaps, has left; with KADM_KEEP_LAB=1 the shared cluster stays. */
export async function removeTestLabs(): Promise<void> {
  const kept = process.env.KADM_KEEP_LAB === '1' ? SHARED_LAB : undefined;
  const left = (await labsToDestroy()).filter((name) => isTestLab(name) && name !== kept);
  for (const name of left) await destroyLab(name, { emit: () => {} });
}
