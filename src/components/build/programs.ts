import { type BinaryName, type ComponentName, isImage, type Release } from '../catalog.ts';
import { IMAGES } from './images.ts';

/** Programs that are built together, from one module of ours that requires theirs. */
export interface GoGroup {
  readonly id: 'kubernetes' | 'etcd' | 'coredns' | 'containerd';
  readonly version: (release: Release) => string;
  /** Modules that hold the programs, with the version that a release of the project has as a module. */
  readonly modules: (release: Release) => readonly { readonly path: string; readonly version: string }[];
  /** Go variables that the projects' own builds set as well. */
  readonly variables: (release: Release) => Readonly<Record<string, string>>;
}

export interface Program {
  readonly group: GoGroup;
  readonly package: string;
}

const KUBERNETES: GoGroup = {
  id: 'kubernetes',
  version: ({ kubernetes }) => kubernetes,
  modules: ({ kubernetes }) => [{ path: 'k8s.io/kubernetes', version: kubernetes }],
  variables: ({ kubernetes }) => {
    const [major = '', minor = ''] = kubernetes.slice(1).split('.');
    const values = {
      gitVersion: kubernetes,
      gitMajor: major,
      gitMinor: minor,
      gitCommit: '',
      gitTreeState: 'archive',
    };
    const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];
    return Object.fromEntries(
      packages.flatMap((name) => Object.entries(values).map(([key, value]) => [`${name}.${key}`, value])),
    );
  },
};

const ETCD: GoGroup = {
  id: 'etcd',
  version: ({ etcd }) => `v${etcd}`,
  modules: ({ etcd }) =>
    ['server', 'etcdctl', 'etcdutl'].map((name) => ({
      path: `go.etcd.io/etcd/${name}/v3`,
      version: `v${etcd}`,
    })),
  variables: () => ({ 'go.etcd.io/etcd/api/v3/version.GitSHA': 'archive' }),
};

const COREDNS: GoGroup = {
  id: 'coredns',
  version: ({ coredns }) => coredns,
  modules: ({ coredns }) => [{ path: 'github.com/coredns/coredns', version: coredns }],
  variables: () => ({}),
};

const CONTAINERD: GoGroup = {
  id: 'containerd',
  version: ({ containerd }) => containerd,
  modules: ({ containerd }) => [{ path: 'github.com/containerd/containerd/v2', version: containerd }],
  variables: ({ containerd }) => ({ 'github.com/containerd/containerd/v2/version.Version': containerd }),
};

/** In the order in which they are built: what most others are made of comes first. */
export const GO_GROUPS: readonly GoGroup[] = [KUBERNETES, ETCD, CONTAINERD, COREDNS];

const command = (name: string): Program => ({ group: KUBERNETES, package: `k8s.io/kubernetes/cmd/${name}` });
const containerd = (name: string): Program => ({
  group: CONTAINERD,
  package: `github.com/containerd/containerd/v2/cmd/${name}`,
});
const etcd = (name: string): Program => ({ group: ETCD, package: `go.etcd.io/etcd/${name}/v3` });

/** Everything that is built with Go. */
export const PROGRAMS = {
  kubelet: command('kubelet'),
  kubectl: command('kubectl'),
  kubeadm: command('kubeadm'),
  'kube-apiserver': command('kube-apiserver'),
  'kube-controller-manager': command('kube-controller-manager'),
  'kube-scheduler': command('kube-scheduler'),
  'kube-proxy': command('kube-proxy'),
  agnhost: { group: KUBERNETES, package: 'k8s.io/kubernetes/test/images/agnhost' },
  etcd: etcd('server'),
  etcdctl: etcd('etcdctl'),
  etcdutl: etcd('etcdutl'),
  coredns: { group: COREDNS, package: 'github.com/coredns/coredns' },
  containerd: containerd('containerd'),
  'containerd-shim-runc-v2': containerd('containerd-shim-runc-v2'),
  ctr: containerd('ctr'),
} as const satisfies Readonly<Record<string, Program>>;

export type ProgramName = keyof typeof PROGRAMS;

/** The others that are installed on hosts: Debian's packages, and where these put them. */
export const DEBIAN_BINARIES = {
  runc: { package: 'runc', path: '/usr/sbin/runc' },
  'cni-bridge': { package: 'containernetworking-plugins', path: '/usr/lib/cni/bridge' },
  'cni-host-local': { package: 'containernetworking-plugins', path: '/usr/lib/cni/host-local' },
  'cni-loopback': { package: 'containernetworking-plugins', path: '/usr/lib/cni/loopback' },
  'cni-portmap': { package: 'containernetworking-plugins', path: '/usr/lib/cni/portmap' },
} as const satisfies Readonly<
  Record<Exclude<BinaryName, ProgramName>, { readonly package: string; readonly path: string }>
>;

/** What `go build` names a program after its package: the last element that is not a major version. */
export function outputName(packagePath: string): string {
  const elements = packagePath.split('/').filter((element) => !/^v[0-9]+$/.test(element));
  return elements.at(-1) ?? packagePath;
}

/** The programs that a component is, or holds. */
export function programsOf(name: ComponentName): string[] {
  if (isImage(name)) return Object.keys(IMAGES[name].programs);
  return name in PROGRAMS ? [name] : [];
}

/** With what a component's programs are built; undefined for what Debian built. */
export function groupOf(name: ComponentName): GoGroup | undefined {
  const [program] = programsOf(name);
  // pause is C, but a file of Kubernetes' module.
  if (program === 'pause') return KUBERNETES;
  return Object.entries(PROGRAMS).find(([one]) => one === program)?.[1].group;
}
