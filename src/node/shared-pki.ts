import type { EtcdSettings } from '../config/control-plane.ts';
import type { Host } from '../host/host.ts';
import { PKI_DIRECTORY } from '../pki/plan.ts';

/** A file that all control planes of a cluster share. */
export interface SharedFile {
  /** Its key in the Secret kubeadm-certs. */
  readonly name: string;
  readonly path: string;
  readonly mode: 0o600 | 0o644;
}

const PKI_FILES = ['ca.crt', 'ca.key', 'front-proxy-ca.crt', 'front-proxy-ca.key', 'sa.pub', 'sa.key'];
const ETCD_FILES = ['etcd/ca.crt', 'etcd/ca.key'];

/** What a new control plane needs of another one, under kubeadm's names (its phase upload-certs): it makes all else itself. */
export function sharedFiles(etcd: EtcdSettings): SharedFile[] {
  const own = etcd.kind === 'local' ? [...PKI_FILES, ...ETCD_FILES] : PKI_FILES;
  const files = own.map((file): SharedFile => {
    const mode = file.endsWith('.crt') ? 0o644 : 0o600;
    return { name: file.replace('/', '-'), path: `${PKI_DIRECTORY}/${file}`, mode };
  });
  if (etcd.kind === 'local') return files;
  const external = [
    ['external-etcd-ca.crt', etcd.caFile, 0o644],
    ['external-etcd.crt', etcd.certFile, 0o644],
    ['external-etcd.key', etcd.keyFile, 0o600],
  ] as const;
  const given = external.flatMap(([name, path, mode]) => (path === undefined ? [] : [{ name, path, mode }]));
  return [...files, ...given];
}

/** What this host has of them, by name; '' for one that is not here, such as the key of an external authority. */
export async function readSharedFiles(host: Host, etcd: EtcdSettings): Promise<Map<string, string>> {
  const texts = sharedFiles(etcd).map(
    async ({ name, path }) => [name, (await host.readFile(path))?.toString('utf8') ?? ''] as const,
  );
  return new Map(await Promise.all(texts));
}
