/** All that labs keep: one folder a lab, and what concerns the whole machine. */
export const STATE_ROOT = '/var/lib/kadm-lab';

/** What does not outlive the machine's power: locks, and runc's state. */
export const RUN_ROOT = '/run/kadm-lab';

/** runc's --root: apart from any other use of runc on the machine. */
export const RUNC_ROOT = `${RUN_ROOT}/runc`;

/** Where a lab host finds the machine's component store, read-only. */
export const HOST_STORE = '/var/cache/kadm/store';

/** Folders of a host that are real ones, not overlays: overlays cannot be stacked for containerd. */
export const REAL_FOLDERS = ['/var/lib/containerd', '/var/lib/kubelet', '/var/lib/etcd'] as const;

export interface LabPaths {
  readonly directory: string;
  readonly record: string;
  /** Overlay layer over the root filesystem that holds usr/local/bin/kadm for every host. */
  readonly tools: string;
  readonly supervisor: string;
  /** The key pair that opens every host as root. */
  readonly sshKey: string;
  /** admin.conf of the lab's cluster, for kubectl on the machine. */
  readonly kubeconfig: string;
  readonly knownHosts: string;
}

export function labPaths(lab: string): LabPaths {
  const directory = `${STATE_ROOT}/${lab}`;
  return {
    directory,
    record: `${directory}/lab.json`,
    tools: `${directory}/tools`,
    supervisor: `${directory}/supervisor`,
    sshKey: `${directory}/ssh/id_ed25519`,
    kubeconfig: `${directory}/kubeconfig`,
    knownHosts: `${directory}/ssh/known_hosts`,
  };
}

export interface HostPaths {
  readonly directory: string;
  /** The OCI bundle: config.json, and rootfs, where the overlay is mounted. */
  readonly bundle: string;
  readonly rootfs: string;
  readonly upper: string;
  readonly work: string;
  /** Holds one folder for each of REAL_FOLDERS. */
  readonly volumes: string;
  readonly hostKey: string;
  /** What PID 1 and runc say. */
  readonly console: string;
  /** There once the host's files are in place: its disk is then kept as it is. */
  readonly prepared: string;
}

export function hostPaths(lab: string, host: string): HostPaths {
  const directory = `${labPaths(lab).directory}/${host}`;
  return {
    directory,
    bundle: `${directory}/bundle`,
    rootfs: `${directory}/bundle/rootfs`,
    upper: `${directory}/upper`,
    work: `${directory}/work`,
    volumes: `${directory}/volumes`,
    hostKey: `${directory}/ssh_host_ed25519_key`,
    console: `${directory}/console.log`,
    prepared: `${directory}/prepared`,
  };
}

/** The folder on the machine that stands behind one of a host's REAL_FOLDERS. */
export function volumePath(paths: HostPaths, folder: string): string {
  return `${paths.volumes}/${folder.slice(1).replaceAll('/', '-')}`;
}
