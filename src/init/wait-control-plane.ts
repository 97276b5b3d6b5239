import type { ComponentSettings } from '../config/control-plane.ts';
import { detailOf } from '../kube/client.ts';
import { lastWordsOf } from '../node/diagnose.ts';
import { ask } from '../node/health.ts';
import type { Phase } from '../phases/phase.ts';
import { waitFor } from '../phases/wait.ts';
import type { ControlPlaneContext } from './context.ts';
import { extraArgument, probeHost } from './static-pod.ts';

interface HealthCheck {
  readonly pod: string;
  /** Undefined when healthy; else what is amiss. */
  readonly ask: (context: ControlPlaneContext) => Promise<string | undefined>;
}

/**
 * Health endpoints of the controllers are on loopback, unless they are told to listen elsewhere; their certificates
 * are made by them for themselves.
 */
const CHECKS: readonly HealthCheck[] = [
  { pod: 'kube-apiserver', ask: apiServerAlive },
  {
    pod: 'kube-controller-manager',
    ask: async ({ settings }) =>
      await ask({ ...listener(settings.components.controllerManager), port: 10257, path: '/healthz' }),
  },
  {
    pod: 'kube-scheduler',
    ask: async ({ settings }) =>
      await ask({ ...listener(settings.components.scheduler), port: 10259, path: '/livez' }),
  },
];

function listener(component: ComponentSettings): { readonly scheme: 'HTTPS'; readonly host: string } {
  const address = extraArgument(component, 'bind-address') ?? LOOPBACK;
  return { scheme: 'HTTPS', host: probeHost(address) || LOOPBACK };
}

const LOOPBACK = '127.0.0.1';

/** Waits until all of the control plane is healthy: without its controllers no pod would ever run. */
export const waitControlPlane: Phase<ControlPlaneContext> = {
  id: 'wait-control-plane',
  title: 'Wait until the control plane is healthy',
  needs: ['controller-manager', 'scheduler'],
  async run(context, step) {
    if (context.host.dryRun) return;
    const waits = CHECKS.map(({ pod, ask }) =>
      waitFor({
        what: pod,
        timeoutMs: context.settings.timeouts.controlPlaneMs,
        intervalMs: 50,
        signal: step.signal,
        progress: step.progress,
        check: async () => await ask(context),
        diagnose: async () => await lastWordsOf(context.host, pod),
      }),
    );
    await Promise.all(waits);
  },
};

async function apiServerAlive({ api }: ControlPlaneContext): Promise<string | undefined> {
  try {
    await (await api()).text('/livez');
    return undefined;
  } catch (error) {
    return detailOf(error);
  }
}
