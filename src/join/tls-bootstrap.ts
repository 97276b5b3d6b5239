import { DryRunHost } from '../host/dry-run.ts';
import { KubeClient } from '../kube/client.ts';
import { requestCertificate } from '../kube/signing.ts';
import { changesOf } from '../node/context.ts';
import { KUBELET_CLIENT_PEM, KUBELET_KUBECONFIG } from '../node/kubelet.ts';
import type { Phase, Step } from '../phases/phase.ts';
import { buildKubeconfig } from '../pki/kubeconfig.ts';
import type { Cluster, JoinContext } from './context.ts';
import { whileSettling } from './settling.ts';

const PKI = '/var/lib/kubelet/pki';
const SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';

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
    const { settings, server, caPem } = context.cluster.get();
    const { host } = context;
    const changes = changesOf(context, 'tls-bootstrap');
    const userName = `system:node:${settings.nodeName}`;
    if ((await host.stat(KUBELET_CLIENT_PEM)) === undefined) {
      if (host instanceof DryRunHost)
        host.say(`create a CertificateSigningRequest of ${userName} (${SIGNER})`);
      const pem = host.dryRun ? undefined : await certificateFor(userName, context.cluster.get(), step);
      await changes.directory(PKI, 0o750);
      // Named as the kubelet names what it is given later.
      const file = `${PKI}/kubelet-client-${timestamp(new Date())}.pem`;
      if (host instanceof DryRunHost) host.say(`create ${file} (mode 600, not shown: secret)`);
      if (pem !== undefined) await changes.file(file, pem, 0o600);
      await changes.link(KUBELET_CLIENT_PEM, file);
    }
    await changes.file('/etc/kubernetes/pki/ca.crt', caPem, 0o644);
    const kubeconfig = { server, caPem, clusterName: 'kubernetes', userName };
    const text = buildKubeconfig({ ...kubeconfig, certificateFile: KUBELET_CLIENT_PEM });
    await changes.file(KUBELET_KUBECONFIG, text, 0o600);
  },
};

/** Certificate and key in one PEM text. */
async function certificateFor(userName: string, { settings, access }: Cluster, step: Step): Promise<string> {
  step.progress('waiting for the cluster to sign it');
  const client = new KubeClient(access, { timeoutMs: settings.timeouts.apiCallMs });
  const wanted = {
    subject: { commonName: userName, organizations: ['system:nodes'] },
    generateName: 'csr-',
    signerName: SIGNER,
    usages: ['digital signature', 'client auth'],
    timeoutMs: settings.timeouts.tlsBootstrapMs,
    approver:
      'the agent of a control plane approves it, and says why not in its log there: journalctl -u kadm-agent | grep pending',
  };
  const told = tellOfReadyNode(client, settings.nodeName, step);
  try {
    return await whileSettling(() => requestCertificate(client, wanted, step.signal), step.signal);
  } finally {
    await told;
    client.close();
  }
}

interface Node {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Of a Node that is Ready no token gets the certificate: that explains a wait. */
async function tellOfReadyNode(client: KubeClient, name: string, step: Step): Promise<void> {
  // Whoever may not look waits without an explanation.
  const node = await client.find<Node>(`/api/v1/nodes/${name}`).catch(() => undefined);
  if (!node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) return;
  step.progress(
    `there is a Node ${name}, and it is Ready: it must be another name, or wait some 40 s until the old one is not Ready any more (or: kubectl delete node ${name})`,
  );
}

/** 2026-11-21-15-04-05 */
function timestamp(now: Date): string {
  return now.toISOString().slice(0, 19).replace(/[T:]/g, '-');
}
