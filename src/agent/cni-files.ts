import { watch } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CNI_DIRECTORY, makeCniDirectory } from '../cni/conflist.ts';
import { hasCode } from '../errors.ts';
import type { Host } from '../host/host.ts';

const PAUSE_MS = 200;

/** Tells of every change among the CNI configurations (inotify) until the signal, also when their folder is made anew. */
export async function cniFileEvents(host: Host, signal: AbortSignal, onEvent: () => void): Promise<void> {
  while (!signal.aborted) {
    await makeCniDirectory(host);
    try {
      for await (const _ of watch(CNI_DIRECTORY, { signal })) {
        onEvent();
        // A folder that was removed says so once, and nothing of the one that comes in its place.
        if ((await host.stat(CNI_DIRECTORY)) === undefined) break;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
}
