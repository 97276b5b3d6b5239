import { request } from 'node:https';
import { messageOf } from '../errors.ts';
import { accepts } from '../host/network.ts';
import { lastWordsOf } from '../node/diagnose.ts';
import type { Phase } from '../phases/phase.ts';
import { waitFor } from '../phases/wait.ts';
import type { InitContext } from './context.ts';
import { CONTROL_PLANE_TIMEOUT_MS } from './wait-apiserver.ts';

const ANSWER_TIMEOUT_MS = 5_000;
const LOOPBACK = '127.0.0.1';

interface HealthCheck {
  readonly pod: string;
  /** Undefined when healthy; else what is amiss. */
  readonly ask: (context: InitContext) => Promise<string | undefined>;
}

/** Health endpoints of the controllers are on loopback; their certificates are made by them for themselves. */
const CHECKS: readonly HealthCheck[] = [
  { pod: 'kube-apiserver', ask: apiServerAlive },
  { pod: 'kube-controller-manager', ask: async () => await health(10257, '/healthz') },
  { pod: 'kube-scheduler', ask: async () => await health(10259, '/livez') },
];

/** Waits until all of the control plane is healthy: without its controllers no pod would ever run. */
export const waitControlPlane: Phase<InitContext> = {
  id: 'wait-control-plane',
  title: 'Wait until the control plane is healthy',
  needs: ['controller-manager', 'scheduler'],
  async run(context, step) {
    if (context.host.dryRun) return;
    const waits = CHECKS.map(({ pod, ask }) =>
      waitFor({
        what: pod,
        timeoutMs: CONTROL_PLANE_TIMEOUT_MS,
        signal: step.signal,
        progress: step.progress,
        check: async () => await ask(context),
        diagnose: async () => await lastWordsOf(context.host, pod),
      }),
    );
    await Promise.all(waits);
  },
};

async function apiServerAlive({ api }: InitContext): Promise<string | undefined> {
  try {
    await (await api()).text('/livez');
    return undefined;
  } catch (error) {
    return messageOf(error).split('\n')[0] ?? 'no answer';
  }
}

/** The answer holds no secret and is believed from loopback only, so any certificate will do. */
async function health(port: number, path: string): Promise<string | undefined> {
  // Setting up TLS again and again would take the processor from those that are waited for.
  if (!(await accepts(LOOPBACK, port))) return `nothing listens on port ${port} yet`;
  return await new Promise((resolve) => {
    const options = { host: LOOPBACK, port, path, rejectUnauthorized: false, timeout: ANSWER_TIMEOUT_MS };
    const call = request(options, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? undefined : `it answers ${response.statusCode}`);
    });
    call.on('timeout', () => call.destroy(new Error('no answer')));
    call.on('error', (error) => resolve(error.message));
    call.end();
  });
}
