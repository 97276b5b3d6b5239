import { accepts } from '../host/network.ts';
import { detailOf } from '../kube/client.ts';
import { lastWordsOf } from '../node/diagnose.ts';
import type { Phase, Step } from '../phases/phase.ts';
import { type Wait, waitFor } from '../phases/wait.ts';
import type { ControlPlaneContext } from './context.ts';
import { etcdListener } from './etcd-access.ts';

const NAMESPACES = ['kube-system', 'kube-public'] as const;

/** Waits until the API server answers; whether all of it is healthy is asked at the end (wait-control-plane). */
export const waitApiserver: Phase<ControlPlaneContext> = {
  id: 'wait-apiserver',
  title: 'Wait for the API server',
  needs: ['kubelet-start'],
  async run(context, step) {
    const { advertiseAddress, apiPort } = context.settings;
    await waitForApiServer(context, step, async () => {
      // Setting up TLS twenty times a second would take the processor from the API server itself.
      if (!(await accepts(advertiseAddress, apiPort))) return `nothing listens on port ${apiPort} yet`;
      const client = await context.api();
      try {
        await client.find(`/api/v1/namespaces/${NAMESPACES[0]}`);
        return undefined;
      } catch (error) {
        return detailOf(error);
      }
    });
  },
};

/** Waits until the etcd of this host answers. */
export const waitEtcd: Phase<ControlPlaneContext> = {
  id: 'wait-etcd',
  title: 'Wait for etcd',
  needs: ['kubelet-start'],
  skip: ({ settings }) => (settings.etcd.kind === 'external' ? 'it is somebody else’s' : undefined),
  async run(context, step) {
    const { host, port } = etcdListener(context.settings);
    await waitForApiServer(context, step, async () =>
      (await accepts(host, port)) ? undefined : 'etcd does not listen yet',
    );
  },
};

/** Waits until it takes objects: it makes the first namespaces a moment after it answers. */
export const waitNamespaces: Phase<ControlPlaneContext> = {
  id: 'wait-namespaces',
  title: 'Wait for the first namespaces',
  needs: ['wait-apiserver'],
  async run(context, step) {
    await waitForApiServer(context, step, async () => {
      const client = await context.api();
      const found = await Promise.all(NAMESPACES.map((name) => client.find(`/api/v1/namespaces/${name}`)));
      return found.includes(undefined) ? 'it has no namespaces yet' : undefined;
    });
  },
};

/** Waits as long as the control plane may take; a failure shows the last words of the API server and of its etcd. */
export async function waitForApiServer(
  { host, settings }: ControlPlaneContext,
  { signal, progress }: Step,
  check: Wait['check'],
  intervalMs = 50,
): Promise<void> {
  if (host.dryRun) return;
  await waitFor({
    what: 'the API server',
    timeoutMs: settings.timeouts.controlPlaneMs,
    intervalMs,
    signal,
    progress,
    check,
    diagnose: async () => await lastWordsOf(host, 'kube-apiserver', 'etcd'),
  });
}
