import { isIP } from 'node:net';
import type { Usage, Validity } from './issue.ts';
import type { KeyAlgorithm } from './keys.ts';
import type { Names, Subject } from './x509.ts';

/** What the certificates of a control plane depend on. */
export interface PkiSettings {
  readonly nodeName: string;
  readonly advertiseAddress: string;
  /** Host, without port, of the control-plane endpoint. */
  readonly controlPlaneHost: string | undefined;
  /** Of the API server's Service: the first of the primary service CIDR. */
  readonly serviceAddresses: readonly string[];
  readonly dnsDomain: string;
  readonly certSANs: readonly string[];
  /** Further names of etcd's own certificates; `external` where somebody else runs etcd. */
  readonly etcd?:
    | { readonly serverSANs: readonly string[]; readonly peerSANs: readonly string[] }
    | 'external';
  readonly keyAlgorithm: KeyAlgorithm;
  readonly validity: Validity;
  readonly clusterName: string;
  /** URL for people and other nodes. */
  readonly server: string;
  /** URL of the API server on this host. */
  readonly localServer: string;
}

export type AuthorityId = 'ca' | 'front-proxy-ca' | 'etcd/ca';

/** Certificate authorities by file name below the pki folder, with their common names. */
export const AUTHORITIES: Readonly<Record<AuthorityId, string>> = {
  ca: 'kubernetes',
  'front-proxy-ca': 'front-proxy-ca',
  'etcd/ca': 'etcd-ca',
};

/** Static pods that read certificates once, when they start. */
export type Component = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler';

export interface CertificateRow {
  /** File name below the pki folder, without ending. */
  readonly file: string;
  readonly authority: AuthorityId;
  readonly subject: (settings: PkiSettings) => Subject;
  readonly usages: readonly Usage[];
  readonly names?: (settings: PkiSettings) => Names;
  /** What has to start anew to use another one. */
  readonly usedBy?: Component;
}

function etcdNames(which: 'serverSANs' | 'peerSANs'): (settings: PkiSettings) => Names {
  return ({ nodeName, advertiseAddress, etcd }) => {
    const more = etcd === undefined || etcd === 'external' ? [] : etcd[which];
    return {
      dns: unique([nodeName, 'localhost', ...more.filter((name) => !isAddress(name))]),
      ips: unique([advertiseAddress, '127.0.0.1', '::1', ...more.filter(isAddress)]),
    };
  };
}

/** The certificates that a control plane with these settings has. */
export function certificatesOf({ etcd }: PkiSettings): readonly CertificateRow[] {
  return CERTIFICATES.filter(({ authority }) => etcd !== 'external' || authority !== 'etcd/ca');
}

/** The authorities that it has. */
export function authoritiesOf({ etcd }: PkiSettings): AuthorityId[] {
  const all = Object.keys(AUTHORITIES) as AuthorityId[];
  return all.filter((id) => etcd !== 'external' || id !== 'etcd/ca');
}

/** The certificates of a control plane: files, names and uses are kubeadm's. */
export const CERTIFICATES: readonly CertificateRow[] = [
  {
    file: 'apiserver',
    authority: 'ca',
    subject: () => ({ commonName: 'kube-apiserver' }),
    usages: ['server'],
    names: apiServerNames,
    usedBy: 'kube-apiserver',
  },
  {
    file: 'apiserver-kubelet-client',
    authority: 'ca',
    subject: () => ({ commonName: 'kube-apiserver-kubelet-client' }),
    usages: ['client'],
    usedBy: 'kube-apiserver',
  },
  {
    file: 'front-proxy-client',
    authority: 'front-proxy-ca',
    subject: () => ({ commonName: 'front-proxy-client' }),
    usages: ['client'],
    usedBy: 'kube-apiserver',
  },
  {
    file: 'etcd/server',
    authority: 'etcd/ca',
    subject: ({ nodeName }) => ({ commonName: nodeName }),
    usages: ['server', 'client'],
    names: etcdNames('serverSANs'),
    usedBy: 'etcd',
  },
  {
    file: 'etcd/peer',
    authority: 'etcd/ca',
    subject: ({ nodeName }) => ({ commonName: nodeName }),
    usages: ['server', 'client'],
    names: etcdNames('peerSANs'),
    usedBy: 'etcd',
  },
  {
    file: 'etcd/healthcheck-client',
    authority: 'etcd/ca',
    subject: () => ({ commonName: 'kube-etcd-healthcheck-client' }),
    usages: ['client'],
  },
  {
    file: 'apiserver-etcd-client',
    authority: 'etcd/ca',
    subject: () => ({ commonName: 'kube-apiserver-etcd-client' }),
    usages: ['client'],
    usedBy: 'kube-apiserver',
  },
];

export interface KubeconfigRow {
  /** File name below /etc/kubernetes. */
  readonly file: string;
  readonly subject: (settings: PkiSettings) => Subject;
  /** Which URL it names: controllers of this host talk to its own API server. */
  readonly server: 'endpoint' | 'local';
  readonly usedBy?: Component;
}

/** As kubeadm calls what makes a file: etcd/server is etcd-server, admin.conf is admin. */
export function partOf(file: string): string {
  return file.replace('/', '-').replace(/\.conf$/, '');
}

/** The URL that a kubeconfig names. */
export function serverOf({ server }: KubeconfigRow, settings: PkiSettings): string {
  return server === 'local' ? settings.localServer : settings.server;
}

export const KUBECONFIGS: readonly KubeconfigRow[] = [
  {
    file: 'admin.conf',
    subject: () => ({ commonName: 'kubernetes-admin', organizations: ['kubeadm:cluster-admins'] }),
    server: 'endpoint',
  },
  {
    file: 'super-admin.conf',
    subject: () => ({ commonName: 'kubernetes-super-admin', organizations: ['system:masters'] }),
    server: 'endpoint',
  },
  {
    file: 'kubelet.conf',
    subject: ({ nodeName }) => ({ commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] }),
    server: 'local',
  },
  {
    file: 'controller-manager.conf',
    subject: () => ({ commonName: 'system:kube-controller-manager' }),
    server: 'local',
    usedBy: 'kube-controller-manager',
  },
  {
    file: 'scheduler.conf',
    subject: () => ({ commonName: 'system:kube-scheduler' }),
    server: 'local',
    usedBy: 'kube-scheduler',
  },
];

/** What can be made by itself: each authority, what it signs, then the key pair of service accounts (kubeadm's order). */
export const CERTS_PARTS: readonly string[] = [
  ...Object.keys(AUTHORITIES).flatMap((id) => [
    id,
    ...CERTIFICATES.filter(({ authority }) => authority === id).map(({ file }) => file),
  ]),
  'sa',
].map(partOf);

/** Of the kubeconfigs, and of what the agent has in place of one. */
export const KUBECONFIG_PARTS: readonly string[] = [...KUBECONFIGS.map(({ file }) => partOf(file)), 'agent'];

/** The agent of a control plane: its own name, and the group that may approve the agents of workers. */
export function controlPlaneAgent({ nodeName }: PkiSettings): Subject {
  return {
    commonName: `kadm:agent:${nodeName}`,
    organizations: ['kadm:agents', 'kadm:control-plane-agents'],
  };
}

function apiServerNames(settings: PkiSettings): Names {
  const { nodeName, dnsDomain, advertiseAddress, serviceAddresses, controlPlaneHost, certSANs } = settings;
  const services = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${dnsDomain}`,
  ];
  const more = [...(controlPlaneHost === undefined ? [] : [controlPlaneHost]), ...certSANs];
  return {
    dns: unique([nodeName, ...services, ...more.filter((name) => !isAddress(name))]),
    ips: unique([...serviceAddresses, advertiseAddress, ...more.filter(isAddress)]),
  };
}

function isAddress(name: string): boolean {
  return isIP(name) !== 0;
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
