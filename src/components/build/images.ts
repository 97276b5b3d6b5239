import type { ImageName } from '../catalog.ts';
import type { ProgramName } from './programs.ts';

/** What surrounds an image's programs. */
export type Surroundings =
  /** Users, groups, name services and /tmp, as programs of any kind expect them. */
  | 'accounts'
  /** iptables, nft and conntrack with all that they load, from the Debian root filesystem. */
  | 'netfilter'
  /** A shell and its tools for tests: busybox, and ping, which can forbid fragments. */
  | 'shell';

export interface ImageRecipe {
  /** Path of each program in the image. `pause` is the C program, the others are Go's. */
  readonly programs: Readonly<Partial<Record<ProgramName | 'pause', string>>>;
  readonly surroundings: readonly Surroundings[];
  /** Small files: path and content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Capabilities in the program's file, by number: NET_BIND_SERVICE is 10 (capabilities(7)). */
  readonly capability?: { readonly program: ProgramName; readonly bit: number };
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  /** UID:GID; root when left out. */
  readonly user?: string;
}

const kubernetes = (name: ProgramName): ImageRecipe => ({
  programs: { [name]: `/usr/local/bin/${name}` },
  surroundings: ['accounts'],
  entrypoint: [`/usr/local/bin/${name}`],
});

const AGNHOST: ImageRecipe = {
  programs: { agnhost: '/agnhost' },
  surroundings: ['accounts', 'shell'],
  entrypoint: ['/agnhost'],
  command: ['pause'],
};

/** What the images consist of; programs, paths, users and entry points are those of the official ones. */
export const IMAGES: Readonly<Record<ImageName, ImageRecipe>> = {
  'image-kube-apiserver': kubernetes('kube-apiserver'),
  'image-kube-controller-manager': kubernetes('kube-controller-manager'),
  'image-kube-scheduler': kubernetes('kube-scheduler'),
  'image-kube-proxy': { ...kubernetes('kube-proxy'), surroundings: ['accounts', 'netfilter'] },
  'image-etcd': {
    programs: {
      etcd: '/usr/local/bin/etcd',
      etcdctl: '/usr/local/bin/etcdctl',
      etcdutl: '/usr/local/bin/etcdutl',
    },
    surroundings: ['accounts'],
    command: ['/usr/local/bin/etcd'],
  },
  'image-coredns': {
    programs: { coredns: '/coredns' },
    surroundings: ['accounts'],
    // Port 53 as a user that is not root.
    capability: { program: 'coredns', bit: 10 },
    entrypoint: ['/coredns'],
    user: '65532:65532',
  },
  'image-pause': {
    programs: { pause: '/pause' },
    surroundings: [],
    entrypoint: ['/pause'],
    user: '65535:65535',
  },
  'image-agnhost': AGNHOST,
  'image-agnhost-next': { ...AGNHOST, files: { '/etc/agnhost-revision': 'next\n' } },
};
