import { messageOf, UserError } from '../errors.ts';
import { accepts } from '../host/network.ts';
import { lastWordsOf } from '../node/diagnose.ts';
import type { Phase } from '../phases/phase.ts';
import { waitFor } from '../phases/wait.ts';
import type { InitContext } from './context.ts';

/** As long as kubeadm allows the control plane to take. */
export const CONTROL_PLANE_TIMEOUT_MS = 240_000;

/**
 * Waits until the API server takes objects: the first namespaces are there then. Whether all of it is healthy
 * is asked at the end (wait-control-plane), so that the rest starts while it settles.
 */
export const waitApiserver: Phase<InitContext> = {
  id: 'wait-apiserver',
  title: 'Wait for the API server',
  needs: ['kubelet-start'],
  async run(context, step) {
    if (context.host.dryRun) return;
    const { advertiseAddress, apiPort } = context.settings;
    const client = await context.api();
    await waitFor({
      what: 'the API server',
      timeoutMs: CONTROL_PLANE_TIMEOUT_MS,
      intervalMs: 50,
      signal: step.signal,
      progress: step.progress,
      check: async () => {
        // Setting up TLS twenty times a second would take the processor from the API server itself.
        if (!(await accepts(advertiseAddress, apiPort))) return `nothing listens on port ${apiPort} yet`;
        try {
          const spaces = ['kube-system', 'kube-public'].map((name) =>
            client.find(`/api/v1/namespaces/${name}`),
          );
          return (await Promise.all(spaces)).includes(undefined) ? 'it has no namespaces yet' : undefined;
        } catch (error) {
          if (error instanceof UserError) throw error;
          return messageOf(error).split('\n')[0] ?? 'no answer';
        }
      },
      diagnose: async () => {
        const words = await Promise.all(
          ['etcd', 'kube-apiserver'].map((pod) => lastWordsOf(context.host, pod)),
        );
        return words.join('\n');
      },
    });
  },
};
