import { describe, expect, it } from 'vitest';
import { comesRound } from '../../../src/agent/lifeline.ts';
import { watchdogPeriodMs } from '../../../src/agent/sd-notify.ts';
import { runServices } from '../../../src/agent/service.ts';
import { Wake } from '../../../src/agent/wake.ts';

describe('services', () => {
  it('start again when they fail, without touching the others', async () => {
    const stop = new AbortController();
    const lines: string[] = [];
    let starts = 0;
    let ended = false;
    const failing = {
      name: 'failing',
      start: async (): Promise<void> => {
        starts += 1;
        if (starts === 2) stop.abort();
        throw new Error('no luck');
      },
    };
    const steady = {
      name: 'steady',
      start: (signal: AbortSignal): Promise<void> =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            ended = true;
            resolve();
          });
        }),
    };
    await runServices([failing, steady], stop.signal, (_, message) => lines.push(message));
    expect(starts).toBe(2);
    expect(ended).toBe(true);
    expect(lines).toEqual(['no luck']);
  });
});

describe('a wake-up', () => {
  it('that rang before anybody waited is not lost', async () => {
    const wake = new Wake();
    wake.now();
    const begun = performance.now();
    wake.now('a bell');
    expect(await wake.wait(5_000, new AbortController().signal)).toBe('a bell');
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it('comes by itself after the period', async () => {
    const wake = new Wake();
    wake.now();
    await wake.wait(10, new AbortController().signal);
    expect(await wake.wait(10, new AbortController().signal)).toBeUndefined();
  });

  it('comes at once when the signal has ended the work', async () => {
    await new Wake().wait(5_000, AbortSignal.abort());
  });
});

describe('the watchdog', () => {
  it('hears of an agent whose loop comes round, or that has none', () => {
    expect(comesRound(undefined, 10_000_000)).toBe(true);
    expect(comesRound(1_000, 61_000)).toBe(true);
    expect(comesRound(1_000, 121_000)).toBe(false);
  });

  it('wants to hear of the unit as often as systemd says', () => {
    expect(watchdogPeriodMs({ WATCHDOG_USEC: '120000000' })).toBe(120_000);
    expect(watchdogPeriodMs({})).toBeUndefined();
  });
});
