import { exists } from '../host/host.ts';
import { readSysctl } from '../host/kernel.ts';
import type { Phase } from '../phases/phase.ts';
import { changesOf, type NodeContext } from './context.ts';
import { KUBELET_SYSCTLS } from './kernel-settings.ts';
import { RUNTIME_DIRECTORY } from './paths.ts';

/** Module and what shows that the kernel has it, as a module or built in. */
const MODULES = { overlay: '/sys/module/overlay', br_netfilter: '/proc/sys/net/bridge' } as const;

/** What pods and Services need (Kubernetes documentation, container runtimes), and what the kubelet does. */
const SYSCTLS: Readonly<Record<string, string>> = {
  'net.ipv4.ip_forward': '1',
  'net.bridge.bridge-nf-call-iptables': '1',
  'net.bridge.bridge-nf-call-ip6tables': '1',
  ...KUBELET_SYSCTLS,
};

/** Settings that kube-proxy and the CNI plugins change by themselves once they run. */
const CHANGED_BY_COMPONENTS = [
  'net.ipv4.conf.all.route_localnet',
  'net.ipv6.conf.all.forwarding',
  'net.netfilter.nf_conntrack_max',
  'net.netfilter.nf_conntrack_tcp_timeout_established',
  'net.netfilter.nf_conntrack_tcp_timeout_close_wait',
] as const;

/** What components make outside the folders that kadm makes, to be removed with them. */
const COMPONENT_TREES = [
  '/var/lib/containerd',
  '/run/containerd',
  '/var/lib/kubelet',
  '/var/lib/cni',
  RUNTIME_DIRECTORY,
  '/run/nri',
  '/run/xtables.lock',
  '/opt/containerd',
  '/etc/cni',
  '/opt/cni',
  '/usr/libexec/kubernetes',
  '/var/log/pods',
  '/var/log/containers',
  '/lib/modules',
] as const;

/** Kernel modules, kernel settings and swap as Kubernetes needs them, now and after the next boot. */
export const prepareHost: Phase<NodeContext> = {
  id: 'prepare-host',
  title: 'Make the host ready: modules, kernel settings',
  needs: ['preflight'],
  async run(context) {
    const changes = changesOf(context, 'prepare-host');
    await Promise.all(COMPONENT_TREES.map((path) => changes.tree(path)));
    const { stdout } = await context.host.query(['nft', 'list', 'tables'], { allowFailure: true });
    await changes.rememberNftables(
      stdout.split('\n').flatMap((line) => line.match(/^table (\S+ \S+)/)?.[1] ?? []),
    );

    for (const [module, sign] of Object.entries(MODULES)) {
      if (!(await exists(sign)) && !(await builtIn(context, module))) await changes.module(module);
    }
    await changes.file('/etc/modules-load.d/kadm.conf', `${Object.keys(MODULES).join('\n')}\n`, 0o644);

    const known = await Promise.all(
      Object.entries(SYSCTLS).map(async ([key, value]) => {
        if ((await readSysctl(context.host, key)) === undefined) return '';
        await changes.sysctl(key, value);
        return `${key} = ${value}\n`;
      }),
    );
    await Promise.all(CHANGED_BY_COMPONENTS.map((key) => changes.rememberSysctl(key)));
    await changes.file('/etc/sysctl.d/90-kadm.conf', known.join(''), 0o644);
  },
};

async function builtIn({ host }: NodeContext, module: string): Promise<boolean> {
  const filesystems = (await host.readFile('/proc/filesystems'))?.toString('utf8') ?? '';
  return filesystems.split('\n').some((line) => line.trim().split(/\s+/).at(-1) === module);
}
