import { unitLog } from '../host/systemd.ts';
import { ask } from '../node/health.ts';
import type { Step } from '../phases/phase.ts';
import { waitFor } from '../phases/wait.ts';
import type { RenewContext } from './context.ts';

/** The kubelet's healthz, with its defaults. */
const HEALTH = { scheme: 'HTTP', host: '127.0.0.1', port: 10248, path: '/healthz' } as const;
const LAST_LINES = 10;

/** Starts the kubelet anew, which leaves its pods alone, and waits until it is healthy. */
export async function restartKubelet({ host, timeoutMs }: RenewContext, step: Step): Promise<void> {
  await host.run(['systemctl', 'restart', 'kubelet.service']);
  await waitFor({
    what: 'the kubelet',
    timeoutMs,
    signal: new AbortController().signal,
    progress: step.progress,
    check: async () => await ask(HEALTH),
    diagnose: async () => await unitLog(host, 'kubelet.service', LAST_LINES),
  });
}
