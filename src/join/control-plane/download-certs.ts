import type { EtcdSettings } from '../../config/control-plane.ts';
import { EXIT, UserError } from '../../errors.ts';
import type { Host } from '../../host/host.ts';
import { makePkiFolder } from '../../init/certs.ts';
import { KubeClient } from '../../kube/client.ts';
import { downloadCertificates } from '../../kube/kubeadm-certs.ts';
import { changesOf } from '../../node/context.ts';
import { readSharedFiles, type SharedFile, sharedFiles } from '../../node/shared-pki.ts';
import type { Phase } from '../../phases/phase.ts';
import { whileSettling } from '../settling.ts';
import type { ControlPlaneJoinContext } from './context.ts';

/** Brings the authorities and the key of service accounts here; who gives no key has put them here by hand, as with kubeadm. */
export const downloadCerts: Phase<ControlPlaneJoinContext> = {
  id: 'download-certs',
  title: 'Get the certificates that all control planes share',
  needs: ['check-control-plane'],
  async run(context, step) {
    const { host } = context;
    const { settings, caPem, access } = context.cluster.get();
    const { etcd, certificatesDir } = context.here().settings;
    const wanted = sharedFiles(etcd);
    const key = settings.controlPlane?.certificateKey;
    if ((await lackingFiles(host, etcd)).length === 0) step.note('they are here');
    else if (key === undefined) await requireShared(context);
    else {
      const client = new KubeClient(access, { timeoutMs: settings.timeouts.apiCallMs });
      const files = await whileSettling(() => downloadCertificates(client, key)).finally(() =>
        client.close(),
      );
      const changes = changesOf(context, 'download-certs');
      await makePkiFolder(changes, certificatesDir);
      await changes.files(
        wanted.flatMap(({ name, path, mode }) => {
          const content = files.get(name);
          // That of an external authority is nowhere in the cluster.
          return content === undefined || content === '' ? [] : [{ path, content, mode }];
        }),
      );
    }
    if ((await readSharedFiles(host, etcd)).get('ca.crt')?.trim() === caPem.trim()) return;
    throw new UserError('/etc/kubernetes/pki/ca.crt is not the authority of the cluster to join', {
      remedy:
        'remove /etc/kubernetes/pki, and give --certificate-key, or copy the files of this cluster there',
      exitCode: EXIT.preflight,
    });
  },
};

async function lackingFiles(host: Host, etcd: EtcdSettings): Promise<SharedFile[]> {
  const present = await readSharedFiles(host, etcd);
  return sharedFiles(etcd).filter(({ name }) => present.get(name) === '');
}

/**
 * The key of an external authority is nowhere in the cluster; whether it is one, making the certificates will tell.
 * @throws UserError (preflight) naming what control planes share and this host does not have
 */
export async function requireShared({
  host,
  here,
}: Pick<ControlPlaneJoinContext, 'host' | 'here'>): Promise<void> {
  const lacking = await lackingFiles(host, here().settings.etcd);
  const paths = lacking.filter(({ name }) => !name.endsWith('ca.key')).map(({ path }) => path);
  if (paths.length === 0) return;
  throw new UserError(`a control plane needs what the others share, and there is no ${paths.join(', ')}`, {
    remedy:
      'on a control plane, `kadm init phase upload-certs` uploads them and prints the --certificate-key; or, from there, kadm join --control-plane --ssh',
    exitCode: EXIT.preflight,
  });
}
