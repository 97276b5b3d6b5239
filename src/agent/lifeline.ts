import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { Log } from './log.ts';
import { notifySystemd, watchdogPeriodMs } from './sd-notify.ts';
import type { Service } from './service.ts';

/** The network's loop comes round every 30 s at least, and a program that it starts has 30 s. */
const LONGEST_TURN_MS = 100_000;

/**
 * Tells systemd when the agent has done its first work, and from then on that it still does: as long as the
 * network's loop comes round, and Node's own. When it hangs, systemd starts it anew.
 */
export class Lifeline implements Service {
  readonly name = 'lifeline';
  readonly #log: Log;
  #ready = false;
  /** Undefined where there is no network of ours, which comes round. */
  #lastTurn: number | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  ready(): void {
    if (this.#ready) return;
    this.#ready = true;
    notifySystemd('READY=1').catch((error: unknown) => this.#log('warn', messageOf(error)));
  }

  turn(): void {
    this.#lastTurn = performance.now();
  }

  async start(signal: AbortSignal): Promise<void> {
    const periodMs = watchdogPeriodMs(process.env);
    // Without a watchdog there is nobody to tell; the service still has to last.
    const pauseMs = (periodMs ?? 3_600_000) / 3;
    while (!signal.aborted) {
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted || periodMs === undefined || !this.#ready) continue;
      if (comesRound(this.#lastTurn, performance.now())) await notifySystemd('WATCHDOG=1');
    }
  }
}

/** Whether a loop that came round then is not overdue now; times in milliseconds. */
export function comesRound(lastTurn: number | undefined, now: number): boolean {
  return lastTurn === undefined || now - lastTurn < LONGEST_TURN_MS;
}
