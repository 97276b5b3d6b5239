import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError } from '../kube/client.ts';

/** The API server learns of new tokens and roles by watching them: seconds would mean that it is not well. */
const SETTLING_MS = 3_000;
const PAUSE_MS = 100;

/** Repeats what is refused for want of a token or a role that may just have been made. */
export async function whileSettling<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const end = performance.now() + SETTLING_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const refused = error instanceof ApiError && (error.status === 401 || error.status === 403);
      if (!refused || performance.now() > end) throw error;
      await sleep(PAUSE_MS, undefined, signal === undefined ? {} : { signal });
    }
  }
}
