import { KubeClient } from '../kube/client.ts';
import { requestCertificate } from '../kube/signing.ts';
import { changesOf } from '../node/context.ts';
import { KUBELET_CLIENT_PEM, KUBELET_KUBECONFIG } from '../node/kubelet.ts';
import type { Phase } from '../phases/phase.ts';
import { buildKubeconfig } from '../pki/kubeconfig.ts';
import type { JoinContext } from './context.ts';
import { whileSettling } from './settling.ts';

const PKI = '/var/lib/kubelet/pki';

/**
 * Asks for the kubelet's certificate with the token, as the kubelet itself would, and puts it where the kubelet
 * keeps and renews it. A kubelet that starts without one tries to register meanwhile, longer and longer apart,
 * and then its node comes up to 7 s after its certificate.
 */
export const tlsBootstrap: Phase<JoinContext> = {
  id: 'tls-bootstrap',
  title: 'Get the kubelet’s certificate',
  needs: ['discovery'],
  async run(context, step) {
    const { settings, server, caPem, access } = context.cluster.get();
    const changes = changesOf(context, 'tls-bootstrap');
    const userName = `system:node:${settings.nodeName}`;
    const kubeconfig = { server, caPem, clusterName: 'kubernetes', userName };
    if (context.host.dryRun) return;
    if ((await context.host.stat(KUBELET_CLIENT_PEM)) === undefined) {
      step.progress('waiting for the cluster to sign it');
      const client = new KubeClient(access, { timeoutMs: settings.timeouts.apiCallMs });
      const wanted = {
        subject: { commonName: userName, organizations: ['system:nodes'] },
        generateName: 'csr-',
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        usages: ['digital signature', 'client auth'],
        timeoutMs: settings.timeouts.tlsBootstrapMs,
        approver:
          'the agent of a control plane approves it, and says why not in its log there: journalctl -u kadm-agent | grep pending',
      };
      const pem = await whileSettling(
        () => requestCertificate(client, wanted, step.signal),
        step.signal,
      ).finally(() => client.close());
      await changes.directory(PKI, 0o750);
      // Named as the kubelet names what it is given later.
      const file = `${PKI}/kubelet-client-${timestamp(new Date())}.pem`;
      await changes.file(file, pem, 0o600);
      await changes.link(KUBELET_CLIENT_PEM, file);
    }
    await changes.file('/etc/kubernetes/pki/ca.crt', caPem, 0o644);
    const text = buildKubeconfig({ ...kubeconfig, certificateFile: KUBELET_CLIENT_PEM });
    await changes.file(KUBELET_KUBECONFIG, text, 0o600);
  },
};

/** 2026-11-21-15-04-05 */
function timestamp(now: Date): string {
  return now.toISOString().slice(0, 19).replace(/[T:]/g, '-');
}
