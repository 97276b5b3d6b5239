import { imageName } from '../components/catalog.ts';
import { changesOf } from '../node/context.ts';
import type { Phase } from '../phases/phase.ts';
import type { InitContext } from './context.ts';
import { type StaticPod, writeStaticPod } from './static-pod.ts';

const KUBECONFIG = '/etc/kubernetes/scheduler.conf';

/** Starts while the API server does: it waits for it by itself, and is out of its way when that needs the processor most. */
export const scheduler: Phase<InitContext> = {
  id: 'scheduler',
  title: 'Write the manifest of the scheduler',
  needs: ['wait-etcd', 'other-images'],
  async run(context) {
    await writeStaticPod(changesOf(context, 'scheduler'), schedulerPod(context));
  },
};

export function schedulerPod({ settings, release }: InitContext): StaticPod {
  return {
    name: 'kube-scheduler',
    image: imageName('image-kube-scheduler', release()),
    args: {
      'authentication-kubeconfig': KUBECONFIG,
      'authorization-kubeconfig': KUBECONFIG,
      'bind-address': '127.0.0.1',
      kubeconfig: KUBECONFIG,
      'leader-elect': 'true',
      profiling: 'false',
    },
    extraArgs: settings.extraArgs.scheduler,
    probe: {
      scheme: 'HTTPS',
      host: '127.0.0.1',
      port: 10259,
      startup: '/livez',
      liveness: '/livez',
      readiness: '/readyz',
    },
    requests: { cpu: '100m' },
    mounts: [{ name: 'kubeconfig', path: KUBECONFIG, type: 'FileOrCreate', readOnly: true }],
  };
}
