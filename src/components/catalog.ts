import { EXIT, UserError } from '../errors.ts';

/** What a node can need; the last three only in labs and tests. */
export const COMPONENT_NAMES = [
  'kubelet',
  'kubectl',
  'containerd',
  'containerd-shim-runc-v2',
  'ctr',
  'runc',
  'cni-bridge',
  'cni-host-local',
  'cni-loopback',
  'cni-portmap',
  'image-kube-apiserver',
  'image-kube-controller-manager',
  'image-kube-scheduler',
  'image-kube-proxy',
  'image-etcd',
  'image-coredns',
  'image-pause',
  'kubeadm',
  'image-agnhost',
  'image-agnhost-next',
] as const;

export type ComponentName = (typeof COMPONENT_NAMES)[number];
export type ImageName = Extract<ComponentName, `image-${string}`>;
export type BinaryName = Exclude<ComponentName, ImageName>;
export type Role = 'control-plane' | 'worker';

/** Versions that belong together, as their projects write them in their tags. */
export interface Release {
  readonly kubernetes: string;
  readonly etcd: string;
  readonly coredns: string;
  readonly pause: string;
  readonly containerd: string;
  /** The image that tests run as workload. */
  readonly agnhost: string;
}

export const DEFAULT_KUBERNETES_VERSION = 'v1.36.3';

/**
 * etcd, CoreDNS and pause are those of cmd/kubeadm/app/constants of that Kubernetes release, agnhost is that
 * of its test/images/agnhost/VERSION; containerd is the newest 2.x that was tried with it.
 */
const RELEASES: readonly Release[] = [
  {
    kubernetes: DEFAULT_KUBERNETES_VERSION,
    etcd: '3.6.8',
    coredns: 'v1.14.2',
    pause: '3.10.2',
    containerd: 'v2.3.7',
    agnhost: '2.63.0',
  },
];

/**
 * The release of a Kubernetes version, written with or without v.
 * @throws UserError (usage) naming the versions that the catalog has
 */
export function releaseFor(version: string): Release {
  const wanted = version.startsWith('v') ? version : `v${version}`;
  const release = RELEASES.find(({ kubernetes }) => kubernetes === wanted);
  if (release !== undefined) return release;
  const known = RELEASES.map(({ kubernetes }) => kubernetes).join(', ');
  throw new UserError(`this kadm does not know Kubernetes ${version.slice(0, 40)}`, {
    remedy: `choose one of: ${known}`,
    exitCode: EXIT.usage,
  });
}

const WORKER: readonly ComponentName[] = [
  'kubelet',
  'containerd',
  'containerd-shim-runc-v2',
  'ctr',
  'runc',
  'cni-bridge',
  'cni-host-local',
  'cni-loopback',
  'cni-portmap',
  'image-pause',
  'image-kube-proxy',
  // Its two replicas go to any node.
  'image-coredns',
];

const CONTROL_PLANE: readonly ComponentName[] = [
  ...WORKER,
  'kubectl',
  'image-etcd',
  'image-kube-apiserver',
  'image-kube-controller-manager',
  'image-kube-scheduler',
];

/** What a node of this role needs to run its part of a cluster. */
export function componentsOf(role: Role): ComponentName[] {
  return [...(role === 'worker' ? WORKER : CONTROL_PLANE)];
}

export function isImage(component: ComponentName): component is ImageName {
  return component.startsWith('image-');
}

/** The official name and tag, the same whatever the source. */
export function imageName(component: ImageName, release: Release): string {
  const { kubernetes, etcd, coredns, pause, agnhost } = release;
  const names: Readonly<Record<ImageName, string>> = {
    'image-kube-apiserver': `kube-apiserver:${kubernetes}`,
    'image-kube-controller-manager': `kube-controller-manager:${kubernetes}`,
    'image-kube-scheduler': `kube-scheduler:${kubernetes}`,
    'image-kube-proxy': `kube-proxy:${kubernetes}`,
    // The -0 counts revisions of the image (DefaultEtcdVersion of kubeadm).
    'image-etcd': `etcd:${etcd}-0`,
    'image-coredns': `coredns/coredns:${coredns}`,
    'image-pause': `pause:${pause}`,
    'image-agnhost': `e2e-test-images/agnhost:${agnhost}`,
    // Ours alone: another content under another tag, to roll a workload to.
    'image-agnhost-next': `e2e-test-images/agnhost:${agnhost}-next`,
  };
  return `registry.k8s.io/${names[component]}`;
}

/** Where a binary goes on a host; the plugin folder is CNI's default (the CNI specification, section 3). */
export function installPath(component: ComponentName): string {
  if (isImage(component)) throw new Error(`${component} is not installed but imported`);
  if (component === 'runc') return '/usr/local/sbin/runc';
  if (component.startsWith('cni-')) return `/opt/cni/bin/${component.slice('cni-'.length)}`;
  return `/usr/local/bin/${component}`;
}

/** This machine's architecture in the words of Go and of OCI. */
export function architecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}
