import { dirname } from 'node:path';
import { bracketed } from '../config/family.ts';
import type { InitSettings } from '../config/settings.ts';
import { PKI_DIRECTORY } from '../pki/pki.ts';
import { localhost } from './context.ts';
import { extraArgument, HOST_CERTIFICATES, type Mount, probeHost, readOnlyDirectory } from './static-pod.ts';

/** How the API server reaches etcd: the one of this host, or the one that the configuration names. */
export function etcdAccess(settings: InitSettings): {
  readonly args: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
} {
  const { etcd } = settings;
  if (etcd.kind === 'local') {
    const own = `https://${bracketed(localhost(settings))}:2379`;
    const advertised = extraArgument({ ...etcd, extraVolumes: [] }, 'advertise-client-urls');
    return {
      args: {
        'etcd-cafile': `${PKI_DIRECTORY}/etcd/ca.crt`,
        'etcd-certfile': `${PKI_DIRECTORY}/apiserver-etcd-client.crt`,
        'etcd-keyfile': `${PKI_DIRECTORY}/apiserver-etcd-client.key`,
        'etcd-servers': advertised ?? own,
      },
      mounts: [],
    };
  }
  const { caFile, certFile, keyFile, endpoints } = etcd;
  return {
    args: {
      ...(caFile === undefined ? {} : { 'etcd-cafile': caFile }),
      ...(certFile === undefined ? {} : { 'etcd-certfile': certFile }),
      ...(keyFile === undefined ? {} : { 'etcd-keyfile': keyFile }),
      'etcd-servers': endpoints.join(','),
    },
    mounts: folders([caFile, certFile, keyFile]).map((path, index) =>
      readOnlyDirectory(`etcd-certs-${index}`, path),
    ),
  };
}

/** Where the etcd of this host listens for clients: where it is told to, or on loopback. */
export function etcdListener(settings: InitSettings): { readonly host: string; readonly port: number } {
  const own = { host: localhost(settings), port: 2379 };
  const { etcd } = settings;
  if (etcd.kind === 'external') return own;
  const [first = ''] = (extraArgument({ ...etcd, extraVolumes: [] }, 'listen-client-urls') ?? '').split(',');
  if (!URL.canParse(first)) return own;
  const { hostname, port } = new URL(first);
  return {
    host: probeHost(hostname.replace(/^\[|\]$/g, '')) || own.host,
    port: port === '' ? own.port : Number(port),
  };
}

/** The folders of these files that the API server does not have anyway, none of them inside another. */
function folders(files: readonly (string | undefined)[]): string[] {
  const mounted = [...HOST_CERTIFICATES.map(({ path }) => path), PKI_DIRECTORY];
  const all = [...new Set(files.flatMap((file) => (file === undefined ? [] : [dirname(file)])))].sort();
  const within = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);
  return all.filter(
    (path) =>
      !mounted.some((folder) => within(path, folder)) &&
      !all.some((other) => other !== path && within(path, other)),
  );
}
