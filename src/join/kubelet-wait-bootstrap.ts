import { unitLog } from '../host/systemd.ts';
import { changesOf } from '../node/context.ts';
import { KUBELET_CLIENT_PEM } from '../node/kubelet.ts';
import type { Phase } from '../phases/phase.ts';
import { waitFor } from '../phases/wait.ts';
import type { JoinContext } from './context.ts';
import { BOOTSTRAP_KUBECONFIG } from './kubelet-start.ts';

/** As long as kubeadm allows for the TLS bootstrap. */
const TIMEOUT_MS = 300_000;

/** Waits until the kubelet has its own certificate; the token is then not needed on this host any more. */
export const kubeletWaitBootstrap: Phase<JoinContext> = {
  id: 'kubelet-wait-bootstrap',
  title: 'Wait for the kubelet’s certificate',
  needs: ['kubelet-start'],
  async run(context, step) {
    if (context.host.dryRun) return;
    await waitFor({
      what: 'the kubelet’s certificate',
      timeoutMs: TIMEOUT_MS,
      signal: step.signal,
      progress: step.progress,
      check: async () =>
        // The kubelet writes its kubeconfig before it has the certificate that it names.
        (await context.host.stat(KUBELET_CLIENT_PEM)) === undefined
          ? 'the cluster has not signed it yet'
          : undefined,
      diagnose: async () => await unitLog(context.host, 'kubelet.service', 10),
    });
    await changesOf(context, 'kubelet-wait-bootstrap').noFile(BOOTSTRAP_KUBECONFIG);
  },
};
