import type { Machine } from './machine.ts';
import { containerId, netnsName } from './names.ts';
import { HOST_STORE, hostPaths, REAL_FOLDERS, volumePath } from './paths.ts';

interface Mount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface HostSpec {
  readonly lab: string;
  readonly host: string;
  /** The component store on the machine. */
  readonly store?: string;
}

/** Only the machine sets the clock that all hosts share. */
const WITHHELD = 'SYS_TIME';

/**
 * The OCI runtime configuration (config.json, specification 1.0) of a host: systemd as PID 1 with all that
 * root has on this machine, in namespaces of its own. No rlimits: setting them fails without
 * CAP_SYS_RESOURCE. Nothing masked or read-only: it is a server, not an application.
 */
export function ociConfig(spec: HostSpec, machine: Machine): object {
  const capabilities = machine.capabilities.filter((name) => name !== WITHHELD).map((name) => `CAP_${name}`);
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: init(machine),
      env: [PATH],
      cwd: '/',
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
      },
    },
    root: { path: 'rootfs', readonly: false },
    hostname: spec.host,
    mounts: [...kernelMounts(), ...machine.shared.map(bound), ...realFolders(spec), ...store(spec)],
    linux: {
      cgroupsPath: `/kadm-lab/${spec.lab}/${spec.host}`,
      namespaces: [
        { type: 'pid' },
        { type: 'ipc' },
        { type: 'uts' },
        { type: 'mount' },
        { type: 'cgroup' },
        { type: 'network', path: `/run/netns/${netnsName(spec.lab, spec.host)}` },
      ],
      // runc refuses all devices unless told otherwise.
      resources: { devices: [{ allow: true, access: 'rwm' }] },
      rootfsPropagation: 'shared',
    },
    annotations: { 'io.kadm.lab.container': containerId(spec.lab, spec.host) },
  };
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What only PID 1 is told, by env(1): programs that are run in the host later get just PATH. */
function init(machine: Machine): string[] {
  // systemd's word for "in a container, of no kind that I know better" (systemd.io, Container Interface).
  const variables = ['container=oci'];
  if (machine.cgroups === 'v1') {
    // systemd 257 refuses cgroup v1 unless its kernel command line says that it is wanted.
    variables.push(
      'SYSTEMD_PROC_CMDLINE=systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1',
    );
  }
  return [
    '/bin/sh',
    '-c',
    `${NEW_BOOT_ID} && ${OWN_PRODUCT_UUID} && exec env "$@" /sbin/init`,
    'init',
    ...variables,
  ];
}

/**
 * The kernel's boot_id is the machine's; a host gets one for each start, as from a kernel of its own. systemd takes what
 * another boot left in /var/tmp away by it, and journalctl and the kubelet tell boots apart. A mount of the
 * specification will not do: runc refuses them inside /proc.
 */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const NEW_BOOT_ID = `cat /proc/sys/kernel/random/uuid >/run/boot-id && mount --bind /run/boot-id ${BOOT_ID}`;

/** Where the machine has such a name, all hosts would have it: copies of each other, as kadm would say. */
const PRODUCT_UUID = '/sys/class/dmi/id/product_uuid';
const OWN_PRODUCT_UUID = `if [ -e ${PRODUCT_UUID} ]; then mount --bind /etc/machine-id ${PRODUCT_UUID}; fi`;

function kernelMounts(): Mount[] {
  const quiet = ['nosuid', 'noexec', 'nodev'];
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: quiet },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64m'] },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    { destination: '/dev/shm', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777'] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: quiet },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...quiet, 'rw'] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [...quiet, 'rw'] },
    { destination: '/run', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=755'] },
    { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777'] },
  ];
}

function bound(path: string): Mount {
  return {
    destination: path,
    type: 'bind',
    source: path,
    options: ['bind', path === '/lib/modules' ? 'ro' : 'rw'],
  };
}

function realFolders(spec: HostSpec): Mount[] {
  const paths = hostPaths(spec.lab, spec.host);
  return REAL_FOLDERS.map((folder) => ({
    destination: folder,
    type: 'bind',
    source: volumePath(paths, folder),
    options: ['bind', 'rw'],
  }));
}

function store(spec: HostSpec): Mount[] {
  if (spec.store === undefined) return [];
  return [{ destination: HOST_STORE, type: 'bind', source: spec.store, options: ['rbind', 'ro'] }];
}
