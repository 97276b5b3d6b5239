import { aliases, MERGED_USR, rootfsFile, withLibraries, xtablesPlugins } from './debian.ts';
import type { Surroundings } from './images.ts';
import type { LayerEntry } from './layer.ts';

/** Entries for what surrounds an image's programs; `rootfs` is a Debian root filesystem on this machine. */
export async function surroundingEntries(
  rootfs: string,
  parts: readonly Surroundings[],
): Promise<LayerEntry[]> {
  const entries = await Promise.all(parts.map((part) => MAKERS[part](rootfs)));
  return entries.flat();
}

const MAKERS: Readonly<Record<Surroundings, (rootfs: string) => Promise<LayerEntry[]>>> = {
  accounts: async () => ACCOUNTS,
  netfilter,
  shell,
};

const PASSWD = `root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
`;
const GROUP = `root:x:0:
nogroup:x:65534:
nonroot:x:65532:
`;

const ACCOUNTS: LayerEntry[] = [
  textFile('/etc/passwd', PASSWD),
  textFile('/etc/group', GROUP),
  textFile('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
  { type: 'directory', path: '/root', mode: 0o700 },
  { type: 'directory', path: '/tmp', mode: 0o1777 },
];

const XTABLES = '/usr/sbin/xtables-nft-multi';

/** The names under which kube-proxy, and people, call the nft variant of iptables. */
const XTABLES_NAMES = ['iptables', 'ip6tables'].flatMap((name) =>
  ['', '-save', '-restore'].flatMap((verb) => [`${name}${verb}`, `${name}-nft${verb}`]),
);

/** kube-proxy finds out for itself whether a kernel speaks nft; plugins are loaded by name, all of them. */
async function netfilter(rootfs: string): Promise<LayerEntry[]> {
  const programs = [XTABLES, '/usr/sbin/nft', '/usr/sbin/conntrack'];
  const files = await withLibraries(rootfs, [...programs, ...(await xtablesPlugins(rootfs))]);
  return [...MERGED_USR, ...files, ...aliases(XTABLES, XTABLES_NAMES)];
}

/** What tests type in a container; busybox of Debian's busybox-static has them all. */
const APPLETS = (
  'sh ash cat cp date dd df dirname echo env false find grep head hostname id ip kill ln ls md5sum mkdir mv nc ' +
  'nslookup ping ps pwd rm sed seq sha256sum sleep sort stat tail tee test time timeout top touch tr true ' +
  'uname vi wc wget which xargs'
).split(' ');

async function shell(rootfs: string): Promise<LayerEntry[]> {
  const busybox = await rootfsFile(rootfs, '/usr/bin/busybox');
  const ping = await withLibraries(rootfs, ['/usr/bin/ping']);
  return [
    ...MERGED_USR,
    busybox,
    ...ping,
    ...aliases(
      '/usr/bin/busybox',
      APPLETS.filter((name) => name !== 'ping'),
    ),
  ];
}

function textFile(path: string, content: string): LayerEntry {
  return { type: 'file', path, mode: 0o644, source: Buffer.from(content) };
}
