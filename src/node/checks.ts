import { cpus, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Cidr, contains, overlaps, parseCidr } from '../config/cidr.ts';
import type { Host } from '../host/host.ts';
import { addressOf, hostAddresses, hostRoutes } from '../host/network.ts';
import { activeUnits } from '../host/systemd.ts';
import { clockNotBehind } from './clock.ts';
import { wantedArtifacts } from './components.ts';
import { CONTAINERD_SOCKET } from './container-runtime.ts';
import type { NodeContext } from './context.ts';
import { type Check, check, tried } from './preflight.ts';

/** Everything that will be installed must be to be had before anything is changed. */
export function componentsThere(context: NodeContext): Check {
  return tried(
    'Components',
    async () => void (await wantedArtifacts(context)),
    'name another component source',
  );
}

/** What is looked at on every host that is to be a node. */
export function everyNode(host: Host): Check[] {
  return [
    swap(host),
    clockNotBehind(host),
    kernelModule(host, 'br_netfilter', '/proc/sys/net/bridge'),
    cgroups(host),
    ...TOOLS.map((name) => tool(host, name)),
  ];
}

/** Programs that kadm, the kubelet or a network plugin runs, and where a distribution may lack them. */
const TOOLS = ['ip', 'nft', 'iptables', 'mount', 'modprobe', 'ss'] as const;

function tool(host: Host, name: string): Check {
  return check(`FileExisting-${name}`, async () => {
    if (await hasProgram(host, name)) return undefined;
    return { message: `there is no program ${name}`, remedy: `install the package that holds ${name}` };
  });
}

/** Whether one of the folders of PATH has it. */
async function hasProgram(host: Host, name: string): Promise<boolean> {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = await Promise.all(folders.map((folder) => host.stat(join(folder, name))));
  return found.some((file) => file !== undefined);
}

/** Controllers that the kubelet demands (Kubernetes documentation, cgroups). */
const CONTROLLERS = ['cpu', 'cpuset', 'memory', 'pids'] as const;

/** kubeadm's name for what the kernel has to offer. */
function cgroups(host: Host): Check {
  return check('SystemVerification', async () => {
    const unified = (await host.readFile('/sys/fs/cgroup/cgroup.controllers'))?.toString('utf8');
    const text = unified ?? (await host.readFile('/proc/cgroups'))?.toString('utf8') ?? '';
    const names = unified === undefined ? enabledIn(text) : text.trim().split(/\s+/);
    const missing = CONTROLLERS.filter((name) => !names.includes(name));
    if (missing.length === 0) return undefined;
    return {
      message: `this kernel has no cgroup controller ${missing.join(', ')}`,
      remedy: 'boot it with them: cgroup_enable=memory and the like',
    };
  });
}

/** Controllers of /proc/cgroups (cgroups(7)): name, hierarchy, number of cgroups, enabled. */
function enabledIn(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/))
    .flatMap(([name, , , enabled]) => (name !== undefined && enabled === '1' ? [name] : []));
}

/** Programs that ask for the node by its name go wrong without; the cluster itself does not. */
export function hostname(nodeName: string): Check {
  return check('Hostname', async () => {
    if ((await addressOf(nodeName)) !== undefined) return undefined;
    return {
      message: `the name ${nodeName} leads to no address on this host`,
      remedy: 'add it to /etc/hosts or to the DNS',
      bearable: true,
    };
  });
}

const OTHER_RUNTIMES = ['docker.service', 'crio.service'] as const;

/** kadm brings its own containerd, with its own configuration: who uses one that is here would lose theirs. */
export function noOtherRuntime(host: Host): Check {
  return check('CRI', async () => {
    const users = [...(await activeUnits(host, OTHER_RUNTIMES)), ...(await namespaces(host))];
    if (users.length === 0) return undefined;
    return {
      message: `a container runtime is in use here already, by ${users.join(', ')}`,
      remedy: 'kadm brings its own: stop what uses it, and disable its units',
    };
  });
}

/** Those of containerd that are not the kubelet's. */
async function namespaces(host: Host): Promise<string[]> {
  if ((await host.stat(CONTAINERD_SOCKET)) === undefined || !(await hasProgram(host, 'ctr'))) return [];
  const list = ['ctr', 'namespaces', 'list', '--quiet'];
  const { stdout } = await host.query(list, { allowFailure: true });
  const others = stdout.split('\n').filter((name) => name !== '' && name !== 'k8s.io' && name !== 'default');
  return others.map((name) => `containerd namespace ${name}`);
}

/** Where the firewall drops what nodes say to each other, the cluster comes up and does not work: as kubeadm, only told. */
export function firewalld(host: Host, ports: readonly string[]): Check {
  return check('Firewalld', async () => {
    if ((await activeUnits(host, ['firewalld.service'])).length === 0) return undefined;
    return {
      message: 'firewalld is at work here',
      remedy: `let the other nodes reach ${ports.join(', ')}, and let it forward packets of pods`,
      bearable: true,
    };
  });
}

export function numCpu(minimum: number): Check {
  return check('NumCPU', async () => {
    const { length } = cpus();
    if (length >= minimum) return undefined;
    return { message: `${length} processor, and ${minimum} are needed`, remedy: 'give the machine more' };
  });
}

export function memory(minimumMiB: number): Check {
  return check('Mem', async () => {
    const found = Math.floor(totalmem() / 1024 / 1024);
    if (found >= minimumMiB) return undefined;
    return {
      message: `${found} MiB of memory, and ${minimumMiB} are needed`,
      remedy: 'give the machine more',
    };
  });
}

function swap(host: Host): Check {
  return check('Swap', async () => {
    const lines = ((await host.readFile('/proc/swaps'))?.toString('utf8') ?? '').trim().split('\n').slice(1);
    if (lines.length === 0) return undefined;
    const devices = lines.map((line) => line.split(/\s+/)[0]).join(', ');
    return {
      message: `swap is on (${devices})`,
      remedy: 'turn it off: swapoff -a, and take it out of /etc/fstab',
    };
  });
}

/** A check for each port; `ss`, asked once for all, names the process that listens. */
export function portsFree(host: Host, ports: readonly number[]): Check[] {
  let asked: Promise<string[]> | undefined;
  const listeners = (): Promise<string[]> => {
    asked ??= host.query(['ss', '-Hltnp']).then(({ stdout }) => stdout.split('\n'));
    return asked;
  };
  return ports.map((port) => portFree(port, listeners));
}

/** @param listeners lines of `ss`: state, two queues, the local address and port, the peer's, and who it is */
function portFree(port: number, listeners: () => Promise<readonly string[]>): Check {
  return check(`Port-${port}`, async () => {
    const line = (await listeners()).find((one) => one.split(/\s+/)[3]?.endsWith(`:${port}`) === true);
    if (line === undefined) return undefined;
    const owner = /users:\(\("([^"]+)",pid=(\d+)/.exec(line);
    const by = owner === null ? 'another program' : `${owner[1]} (pid ${owner[2]})`;
    return { message: `port ${port} is taken by ${by}`, remedy: 'stop it, or let it listen elsewhere' };
  });
}

export function fileAvailable(host: Host, path: string): Check {
  return check(`FileAvailable-${path.replaceAll('/', '-')}`, async () => {
    if ((await host.stat(path)) === undefined) return undefined;
    return {
      message: `${path} is there already`,
      remedy: 'it belongs to another cluster: reset or remove that first',
    };
  });
}

export function fileThere(host: Host, path: string): Check {
  return check(`FileExisting-${path.replaceAll('/', '-')}`, async () => {
    if ((await host.stat(path)) !== undefined) return undefined;
    return { message: `there is no ${path}`, remedy: 'bring it there, or name another in the configuration' };
  });
}

export function directoryAvailable(host: Host, path: string): Check {
  return check(`DirAvailable-${path.replaceAll('/', '-')}`, async () => {
    if ((await host.list(path)).length === 0) return undefined;
    return {
      message: `${path} is not empty`,
      remedy: 'it belongs to another cluster: reset or empty that first',
    };
  });
}

/** The kernel must have the module, or be able to load it. */
export function kernelModule(host: Host, name: string, sign: string): Check {
  return check(`KernelModule-${name}`, async () => {
    if ((await host.stat(sign)) !== undefined) return undefined;
    const { exitCode } = await host.query(['modprobe', '--dry-run', name], { allowFailure: true });
    if (exitCode === 0) return undefined;
    return {
      message: `this kernel has no ${name}`,
      remedy: `boot a kernel with ${name}, or install its modules`,
    };
  });
}

export function ownAddress(host: Host, address: string): Check {
  return check('AdvertiseAddress', async () => {
    const own = await hostAddresses(host);
    if (own.includes(address)) return undefined;
    return {
      message: `${address} is not an address of this host`,
      remedy: `its addresses are ${own.join(', ')}`,
    };
  });
}

/** The cluster's networks must not hold addresses that this host uses for something else. */
export function cidrsUnused(host: Host, cidrs: readonly Cidr[]): Check {
  return check('AddressConflict', async () => {
    const [addresses, routes] = await Promise.all([hostAddresses(host), hostRoutes(host)]);
    for (const cidr of cidrs) {
      const address = addresses.find((one) => contains(cidr, one));
      const route = routes.find((one) => overlaps(cidr, parseCidr(one)));
      const taken = address ?? route;
      if (taken === undefined) continue;
      return {
        message: `the cluster's network ${cidr.text} overlaps with ${taken}, which this host uses`,
        remedy: 'choose another --pod-network-cidr or --service-cidr',
      };
    }
    return undefined;
  });
}
