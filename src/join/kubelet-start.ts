import { changesOf } from '../node/context.ts';
import { KUBELET_CLIENT_PEM, KUBELET_KUBECONFIG, startKubelet } from '../node/kubelet.ts';
import type { Phase } from '../phases/phase.ts';
import { buildKubeconfig } from '../pki/kubeconfig.ts';
import type { JoinContext } from './context.ts';

export const BOOTSTRAP_KUBECONFIG = '/etc/kubernetes/bootstrap-kubelet.conf';

/** Starts the kubelet with the token; it asks for its own certificate and registers the node. */
export const kubeletStart: Phase<JoinContext> = {
  id: 'kubelet-start',
  title: 'Start the kubelet',
  needs: ['discovery', 'container-runtime', 'other-images'],
  async run(context) {
    const { settings, server, caPem, kubeletConfiguration } = context.cluster.get();
    const changes = changesOf(context, 'kubelet-start');
    await changes.file('/etc/kubernetes/pki/ca.crt', caPem, 0o644);
    if ((await context.host.stat(KUBELET_CLIENT_PEM)) === undefined) {
      const userName = 'tls-bootstrap-token-user';
      const bootstrap = buildKubeconfig({
        server,
        caPem,
        clusterName: 'kubernetes',
        userName,
        token: settings.token,
      });
      await changes.file(BOOTSTRAP_KUBECONFIG, bootstrap, 0o600);
      // The kubelet writes this one itself; reset must know that it was not there before.
      await changes.tree(KUBELET_KUBECONFIG);
    }
    await startKubelet(changes, kubeletConfiguration, settings);
  },
};
