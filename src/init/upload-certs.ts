import { DryRunHost } from '../host/dry-run.ts';
import { certificateReader, uploadCertificates } from '../kube/kubeadm-certs.ts';
import { readSharedFiles } from '../node/shared-pki.ts';
import type { Phase } from '../phases/phase.ts';
import type { InitContext } from './context.ts';

/** Keeps in the cluster, encrypted, what further control planes need: authorities and the key of service accounts. */
export const uploadCerts: Phase<InitContext> = {
  id: 'upload-certs',
  title: 'Keep the certificates for further control planes',
  needs: ['certs', 'wait-namespaces'],
  concerns: ({ certificateKey }) => certificateKey !== undefined,
  async run({ host, settings, api, certificateKey, uploaded }, step) {
    if (certificateKey === undefined) return;
    if (host instanceof DryRunHost) {
      const secret = { kind: 'Secret', metadata: { name: 'kubeadm-certs', namespace: 'kube-system' } };
      return host.apply([secret, ...certificateReader()]);
    }
    await uploadCertificates(await api(), await readSharedFiles(host, settings.etcd), certificateKey);
    uploaded(certificateKey);
    step.note('encrypted, for two hours');
  },
};
