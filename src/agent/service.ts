import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { backoffMs } from '../kube/backoff.ts';
import type { Log } from './log.ts';

/** A long-running part of the agent. */
export interface Service {
  readonly name: string;
  /** Works until the signal; what it throws makes it start again, and touches no other service. */
  start(signal: AbortSignal): Promise<void>;
}

const PAUSE = { firstMs: 500, maxMs: 30_000 } as const;
/** After running this long a service counts as sound again. */
const SOUND_MS = 60_000;

/** Runs services side by side, each started again with growing pauses when it fails, until the signal. */
export async function runServices(
  services: readonly Service[],
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  await Promise.all(services.map(async (service) => await keepRunning(service, signal, log)));
}

async function keepRunning(service: Service, signal: AbortSignal, log: Log): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const begun = performance.now();
    try {
      await service.start(signal);
      if (!signal.aborted) log('warn', 'service ended', { service: service.name });
    } catch (error) {
      if (signal.aborted) return;
      log('error', messageOf(error), { service: service.name });
    }
    failures = performance.now() - begun > SOUND_MS ? 0 : failures + 1;
    const pause = backoffMs(failures, PAUSE, Math.random());
    await sleep(pause, undefined, { signal }).catch(() => undefined);
  }
}
