import { setTimeout as sleep } from 'node:timers/promises';

/** Something to wait on that others can ring, also before anybody waits. */
export class Wake {
  #ring: (() => void) | undefined;
  #rung = false;

  now(): void {
    this.#rung = true;
    this.#ring?.();
  }

  /** Returns when rung, after `periodMs`, or when the signal comes. @returns whether it was rung */
  async wait(periodMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#rung) {
      const stop = new AbortController();
      const rung = new Promise<void>((resolve) => {
        this.#ring = resolve;
      });
      const timer = sleep(periodMs, undefined, { signal: AbortSignal.any([signal, stop.signal]) });
      await Promise.race([rung, timer.catch(() => undefined)]);
      stop.abort();
    }
    const rung = this.#rung;
    this.#ring = undefined;
    this.#rung = false;
    return rung;
  }
}
