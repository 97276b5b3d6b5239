import { mkdir, rmdir } from 'node:fs/promises';
import lockfile from 'proper-lockfile';
import { hasCode } from '../errors.ts';
import { RUN_ROOT } from './paths.ts';

const LOCKS = `${RUN_ROOT}/locks`;

/** A lock whose holder was killed is taken over after this time; a living holder renews it in time. */
const STALE_MS = 6_000;
const ATTEMPT_MS = 200;

export interface LockOptions {
  readonly signal?: AbortSignal;
  /** Called once when another process holds the lock. */
  readonly onWait?: () => void;
}

/** Runs `work` while no other process does anything to this lab. */
export function withLabLock<T>(lab: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  return withLock(`lab-${lab}`, options, work);
}

/** Runs `work` while no other process chooses a subnet, or changes what concerns the whole machine. Brief. */
export function withMachineLock<T>(options: LockOptions, work: () => Promise<T>): Promise<T> {
  return withLock('machine', options, work);
}

async function withLock<T>(name: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const release = await acquire(`${LOCKS}/${name}`, options);
  try {
    return await work();
  } finally {
    await release();
    await removeIfEmpty(LOCKS);
    await removeIfEmpty(RUN_ROOT);
  }
}

async function acquire(path: string, options: LockOptions): Promise<() => Promise<void>> {
  let waited = false;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      await mkdir(LOCKS, { recursive: true, mode: 0o700 });
      return await lockfile.lock(path, { realpath: false, stale: STALE_MS });
    } catch (error) {
      // ENOENT: another process removed the empty folder between our two steps.
      if (!hasCode(error, 'ELOCKED') && !hasCode(error, 'ENOENT')) throw error;
      if (hasCode(error, 'ELOCKED') && !waited) options.onWait?.();
      waited ||= hasCode(error, 'ELOCKED');
      await new Promise((resolve) => setTimeout(resolve, ATTEMPT_MS));
    }
  }
}

async function removeIfEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    if (!hasCode(error, 'ENOTEMPTY') && !hasCode(error, 'ENOENT')) throw error;
  }
}
