import { changesOf } from '../node/context.ts';
import { KUBELET_CLIENT_PEM, KUBELET_KUBECONFIG } from '../node/kubelet.ts';
import type { Phase } from '../phases/phase.ts';
import { buildKubeconfig } from '../pki/kubeconfig.ts';
import { type ControlPlaneContext, localUrl } from './context.ts';

/** Lets the kubelet's kubeconfig name the file in which the kubelet itself renews its certificate. */
export const kubeletFinalize: Phase<ControlPlaneContext> = {
  id: 'kubelet-finalize',
  title: 'Hand the kubelet its own certificate',
  needs: ['mark-control-plane'],
  async run(context) {
    const { settings, host } = context;
    if ((await host.stat(KUBELET_CLIENT_PEM)) === undefined) return;
    const caPem = (await host.readFile('/etc/kubernetes/pki/ca.crt'))?.toString('utf8') ?? '';
    const text = buildKubeconfig({
      server: localUrl(settings),
      caPem,
      clusterName: settings.clusterName,
      userName: `system:node:${settings.nodeName}`,
      certificateFile: KUBELET_CLIENT_PEM,
    });
    await changesOf(context, 'kubelet-finalize').file(KUBELET_KUBECONFIG, text, 0o600);
  },
};
