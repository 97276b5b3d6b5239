import { sha256 } from '../host/host.ts';

export const SUITE = 'trixie';

/** What a host has besides debootstrap's minimal variant: a server's tools, and the parts Debian gives kadm. */
export const PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'iproute2',
  'iptables',
  'nftables',
  'conntrack',
  'ipset',
  'openssh-server',
  'sudo',
  'kmod',
  'procps',
  'ethtool',
  'socat',
  'ca-certificates',
  'containernetworking-plugins',
  'nfs-common',
  'runc',
  'busybox-static',
  'iputils-ping',
  // For a program that is to see another time: hosts share the machine's clock.
  'libfaketime',
] as const;

/**
 * Units that wait for hardware a container lacks, change what belongs to the machine (clock, kernel logs,
 * pstore), need a network that labs have not, or work in the background while tests measure.
 */
const MASKED_UNITS = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'getty.target',
  'console-getty.service',
  'nfs-blkmap.service',
  'rpcbind.service',
  'rpcbind.socket',
  'run-rpc_pipefs.mount',
  'systemd-networkd.service',
  'systemd-networkd.socket',
  'systemd-networkd-wait-online.service',
  'systemd-pstore.service',
  'systemd-resolved.service',
  'systemd-timesyncd.service',
  'systemd-udevd.service',
  'systemd-udevd-control.socket',
  'systemd-udevd-kernel.socket',
  'systemd-udev-trigger.service',
  'systemd-modules-load.service',
  'sys-kernel-config.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'dev-hugepages.mount',
  'sshd-keygen.service',
] as const;

/** Files that set kernel.* and fs.* at boot: those settings are the machine's, whose kernel hosts share. */
const MASKED_SYSCTLS = ['10-coredump-debian.conf', '50-pid-max.conf', '50-default.conf'] as const;

const JOURNAL = `[Journal]
Storage=persistent
SystemMaxUse=64M
RuntimeMaxUse=16M
ReadKMsg=no
Audit=no
`;

const SSHD = `PasswordAuthentication no
PermitRootLogin prohibit-password
HostKey /etc/ssh/ssh_host_ed25519_key
`;

/** Absolute links and files that turn Debian's packages into a lab host; a link's content is its target. */
export const FILES: readonly { path: string; link?: string; content?: string }[] = [
  ...MASKED_UNITS.map((unit) => ({ path: `/etc/systemd/system/${unit}`, link: '/dev/null' })),
  ...MASKED_SYSCTLS.map((name) => ({ path: `/etc/sysctl.d/${name}`, link: '/dev/null' })),
  { path: '/etc/systemd/system/default.target', link: '/lib/systemd/system/multi-user.target' },
  { path: '/etc/systemd/journald.conf.d/lab.conf', content: JOURNAL },
  { path: '/etc/ssh/sshd_config.d/lab.conf', content: SSHD },
  { path: '/etc/fstab', content: '' },
  { path: '/etc/machine-id', content: '' },
  // Newer than /usr: the first boot has no caches to rebuild (systemd-update-done.service(8)).
  { path: '/etc/.updated', content: '' },
  { path: '/var/.updated', content: '' },
];

/** What the installation leaves that no two hosts may share, or that none needs. */
export const REMOVED = {
  directories: ['/var/cache/apt', '/var/lib/apt/lists', '/var/log/bootstrap.log', '/var/cache/debconf'],
  /** Names in /etc/ssh. */
  hostKeys: /^ssh_host_.*_key(\.pub)?$/,
} as const;

/** Names a root filesystem by what it is made of, so that another list makes another one. */
export function rootfsKey(): string {
  const recipe = JSON.stringify([SUITE, PACKAGES, FILES, REMOVED.directories]);
  return `${SUITE}-${sha256(recipe).slice(0, 12)}`;
}
