import { BASE_TABLES } from '../cni/base-tables.ts';
import type { Host } from '../host/host.ts';
import { readSysctl } from '../host/kernel.ts';
import { unitState } from '../host/systemd.ts';
import { changesOf } from '../node/context.ts';
import type { Change } from '../phases/ledger.ts';
import type { Phase } from '../phases/phase.ts';
import type { AdoptContext } from './context.ts';

const KUBERNETES = '/etc/kubernetes';

/** Files that `kubeadm init` and `kubeadm join` make (`kubeadm reset` removes the same). */
const FILES = [
  'admin.conf',
  'super-admin.conf',
  'kubelet.conf',
  'bootstrap-kubelet.conf',
  'controller-manager.conf',
  'scheduler.conf',
].map((name) => `${KUBERNETES}/${name}`);

/** Folders that they, and what they start, fill. */
const TREES = [
  `${KUBERNETES}/manifests`,
  `${KUBERNETES}/pki`,
  '/var/lib/etcd',
  '/var/lib/kubelet',
  '/var/log/pods',
  '/var/log/containers',
];

/** What they make elsewhere; somebody else may have put files there too. */
const FOLDERS_OF_PODS = ['/usr/libexec/kubernetes', '/lib/modules', '/run/xtables.lock'];

/**
 * Kernel settings that kube-proxy changes: its value, and the kernel's own. What they were before nobody knows any
 * more (pkg/proxy/apis/config of Kubernetes; networking/nf_conntrack-sysctl of the kernel).
 */
const CHANGED_BY_PODS: Readonly<Record<string, readonly [string, string]>> = {
  'net.ipv4.conf.all.route_localnet': ['1', '0'],
  'net.netfilter.nf_conntrack_tcp_timeout_established': ['86400', '432000'],
  'net.netfilter.nf_conntrack_tcp_timeout_close_wait': ['3600', '60'],
};

/**
 * Writes into the ledger what made this host a node, as if kadm had done it, so that reset takes the node out of
 * its cluster. Programs, the runtime and its images were there before: they stay.
 */
export const takeOver: Phase<AdoptContext> = {
  id: 'take-over',
  title: 'Record what was made here, for reset',
  needs: ['read-node'],
  skip: ({ ledger }) => (ledger.begun === 'join' ? 'kadm made this node itself' : undefined),
  async run(context) {
    const { host } = context;
    const runtime = await unitState(host, 'containerd.service');
    const kubelet = await unitState(host, 'kubelet.service');
    const { stdout } = await host.query(['nft', 'list', 'tables'], { allowFailure: true });
    const tables = stdout.split('\n').flatMap((line) => line.match(/^table (\S+ \S+)/)?.[1] ?? []);
    const changes: Change[] = [
      { kind: 'directory', path: KUBERNETES },
      ...FILES.map((path): Change => ({ kind: 'file', path, before: { kind: 'absent' } })),
      ...TREES.map((path): Change => ({ kind: 'tree', path, before: 'absent' })),
      // It is installed for the next cluster; without a configuration it does nothing.
      { kind: 'unit', name: 'kubelet.service', enabled: kubelet.enabled, active: false },
      { kind: 'unit', name: 'containerd.service', ...runtime },
      // kube-proxy's are there already, and go when they are empty.
      { kind: 'nftables', tables: tables.filter((table) => !BASE_TABLES.includes(table)) },
    ];
    await changesOf(context, 'take-over').takeOver([
      ...changes,
      ...(await emptyFolders(host)),
      ...(await settingsOfPods(host)),
    ]);
  },
};

/** Folders in which nothing is but other folders, and locks. */
async function emptyFolders(host: Host): Promise<Change[]> {
  const found = FOLDERS_OF_PODS.map(async (path): Promise<Change[]> => {
    const { stdout } = await host.query(['find', path, '-type', 'f', '-size', '+0', '-print', '-quit'], {
      allowFailure: true,
    });
    return stdout === '' ? [{ kind: 'tree', path, before: 'absent' }] : [];
  });
  return (await Promise.all(found)).flat();
}

async function settingsOfPods(host: Host): Promise<Change[]> {
  const found = Object.entries(CHANGED_BY_PODS).map(async ([key, [changed, before]]): Promise<Change[]> => {
    return (await readSysctl(host, key)) === changed ? [{ kind: 'sysctl', key, before }] : [];
  });
  return (await Promise.all(found)).flat();
}
