import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.ts';

export interface Wait {
  /** What is waited for, as it follows "waiting for". */
  readonly what: string;
  readonly timeoutMs: number;
  readonly intervalMs?: number;
  readonly signal: AbortSignal;
  readonly progress: (message: string) => void;
  /** Undefined when it is there; else why it is not yet, in a few words. */
  readonly check: () => Promise<string | undefined>;
  /** Asked when time is up: the likely cause and the last lines of what was waited for. */
  readonly diagnose?: () => Promise<string>;
}

const DEFAULT_INTERVAL_MS = 100;

/** Waits within a bound. @throws UserError that says what never came, why, and what it said last. */
export async function waitFor(wait: Wait): Promise<void> {
  const end = performance.now() + wait.timeoutMs;
  let shown: string | undefined;
  for (;;) {
    const missing = await wait.check();
    if (missing === undefined) return;
    wait.signal.throwIfAborted();
    if (missing !== shown) wait.progress(`waiting for ${wait.what}: ${missing}`);
    shown = missing;
    if (performance.now() > end) break;
    const pause = sleep(wait.intervalMs ?? DEFAULT_INTERVAL_MS, undefined, { signal: wait.signal });
    // Whoever stops a wait says why; that a timer was aborted helps nobody.
    await pause.catch(() => wait.signal.throwIfAborted());
  }
  const cause = (await wait.diagnose?.()) ?? '';
  throw new UserError(
    `${wait.what} did not come within ${wait.timeoutMs / 1000} s: ${shown}${cause === '' ? '' : `\n${cause}`}`,
    { remedy: 'mend the cause and run the same command again: it goes on from here' },
  );
}
