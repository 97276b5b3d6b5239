import { changesOf } from '../node/context.ts';
import type { Phase } from '../phases/phase.ts';
import type { ControlPlaneContext } from './context.ts';
import { imageOf } from './images.ts';
import { extraArgument, probeHost, type StaticPod, writeStaticPod } from './static-pod.ts';

const KUBECONFIG = '/etc/kubernetes/scheduler.conf';

/** Starts while the API server does: it waits for it by itself, and is out of its way when that needs the processor most. */
export const scheduler: Phase<ControlPlaneContext> = {
  id: 'scheduler',
  title: 'Write the manifest of the scheduler',
  needs: ['wait-etcd', 'other-images'],
  async run(context) {
    await writeStaticPod(changesOf(context, 'scheduler'), schedulerPod(context), context.patches);
  },
};

export function schedulerPod(context: ControlPlaneContext): StaticPod {
  const { settings } = context;
  const extra = settings.components.scheduler;
  return {
    name: 'kube-scheduler',
    image: imageOf(context, 'image-kube-scheduler'),
    args: {
      'authentication-kubeconfig': KUBECONFIG,
      'authorization-kubeconfig': KUBECONFIG,
      'bind-address': '127.0.0.1',
      kubeconfig: KUBECONFIG,
      'leader-elect': 'true',
      profiling: 'false',
    },
    extra,
    env: settings.proxy,
    probe: {
      scheme: 'HTTPS',
      host: probeHost(extraArgument(extra, 'bind-address') ?? '127.0.0.1'),
      port: 10259,
      startup: '/livez',
      liveness: '/livez',
      readiness: '/readyz',
    },
    startMs: settings.timeouts.controlPlaneMs,
    requests: { cpu: '100m' },
    mounts: [{ name: 'kubeconfig', path: KUBECONFIG, type: 'FileOrCreate', readOnly: true }],
  };
}
