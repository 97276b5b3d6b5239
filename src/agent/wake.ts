import { setTimeout as sleep } from 'node:timers/promises';

/** Something to wait on that others can ring, also before anybody waits. */
export class Wake {
  #ring: (() => void) | undefined;
  #why: string | undefined;

  /** @param why for the one who waits, who hears the last of several */
  now(why = 'rung'): void {
    this.#why = why;
    this.#ring?.();
  }

  /** Returns when rung, after `periodMs`, or when the signal comes. @returns why it was rung, undefined if it was not */
  async wait(periodMs: number, signal: AbortSignal): Promise<string | undefined> {
    if (this.#why === undefined) {
      const stop = new AbortController();
      const rung = new Promise<void>((resolve) => {
        this.#ring = resolve;
      });
      const timer = sleep(periodMs, undefined, { signal: AbortSignal.any([signal, stop.signal]) });
      await Promise.race([rung, timer.catch(() => undefined)]);
      stop.abort();
    }
    const why = this.#why;
    this.#ring = undefined;
    this.#why = undefined;
    return why;
  }
}
