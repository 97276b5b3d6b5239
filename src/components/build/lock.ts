import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import lockfile from 'proper-lockfile';
import { hasCode } from '../../errors.ts';

/** A lock whose holder was killed is taken over after this time; a living holder renews it in time. */
const STALE_MS = 10_000;
const ATTEMPT_MS = 200;

export interface BuildLock {
  readonly cacheDirectory: string;
  readonly onProgress: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Runs `work` while no other process builds components into the same cache; says so while it waits. */
export async function withBuildLock<T>(lock: BuildLock, work: () => Promise<T>): Promise<T> {
  const folder = `${lock.cacheDirectory}/build`;
  await mkdir(folder, { recursive: true });
  const release = await acquire(folder, lock);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function acquire(folder: string, { onProgress, signal }: BuildLock): Promise<() => Promise<void>> {
  let waits = false;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await lockfile.lock(folder, { stale: STALE_MS });
    } catch (error) {
      if (!hasCode(error, 'ELOCKED')) throw error;
      if (!waits) onProgress('waiting for another kadm that builds components');
      waits = true;
      await sleep(ATTEMPT_MS, undefined, { signal });
    }
  }
}
