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
/** What a check may take at least: one that began just before the end still says what is missing. */
const LAST_CHECK_MS = 1_000;

/**
 * Waits within a bound, also where a check never ends: what listens may be something that does not answer.
 * @throws UserError that says what never came, why, and what it said last.
 */
export async function waitFor(wait: Wait): Promise<void> {
  const end = performance.now() + wait.timeoutMs;
  let shown: string | undefined;
  for (;;) {
    const missing = await within(end - performance.now(), wait);
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

/** What a check says, or that it says nothing until time is up. */
async function within(ms: number, { check, signal }: Wait): Promise<string | undefined> {
  const asked = check();
  // One that fails after its time is up has nobody left to tell.
  asked.catch(() => {});
  const enough = new AbortController();
  const timeUp = sleep(Math.max(LAST_CHECK_MS, ms), 'no answer', {
    signal: AbortSignal.any([enough.signal, signal]),
  });
  try {
    return await Promise.race([asked, timeUp]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    enough.abort();
    timeUp.catch(() => {});
  }
}
