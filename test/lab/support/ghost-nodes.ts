import type { LabHost } from '../../../src/lab/lab-host.ts';
import type { Kubectl } from './kubectl.ts';

export interface Ghost {
  readonly name: string;
  readonly podCidr: string;
  readonly mac: string;
  readonly publicIp: string;
  /** Over the annotations that the rest would make. */
  readonly annotations?: Readonly<Record<string, string>>;
}

const PREFIX = 'flannel.alpha.coreos.com';

/** A Node that no machine stands behind, with what its agent would announce. */
export async function makeGhost(
  kubectl: Kubectl,
  { name, podCidr, mac, publicIp, annotations }: Ghost,
): Promise<void> {
  const announced = {
    [`${PREFIX}/backend-data`]: JSON.stringify({ VNI: 1, VtepMAC: mac }),
    [`${PREFIX}/backend-type`]: 'vxlan',
    [`${PREFIX}/kube-subnet-manager`]: 'true',
    [`${PREFIX}/public-ip`]: publicIp,
    ...annotations,
  };
  const object = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, annotations: announced },
    spec: { podCIDR: podCidr, podCIDRs: [podCidr] },
  };
  // Not by apply, which would keep a second copy of every annotation in one of its own.
  const { exitCode, stderr } = await kubectl.attempt(['create', '--filename', '-'], JSON.stringify(object));
  if (exitCode !== 0) throw new Error(stderr);
}

export async function removeGhosts(kubectl: Kubectl, ...names: string[]): Promise<void> {
  await kubectl.run('delete', 'node', '--ignore-not-found', '--wait=false', ...names);
}

/** The MAC address that a host's kernel has for the far end of the tunnel to a pod CIDR; undefined for none. */
export async function macTowards(host: LabHost, podCidr: string): Promise<string | undefined> {
  const [base = ''] = podCidr.split('/');
  const route = (await host.exec(['ip', 'route', 'show', podCidr, 'proto', '75'])).stdout;
  if (route.trim() === '') return undefined;
  const neighbour = (await host.exec(['ip', 'neigh', 'show', base, 'dev', 'flannel.1'])).stdout;
  const mac = /lladdr (\S+)/.exec(neighbour)?.[1];
  const entries = (await host.exec(['bridge', 'fdb', 'show', 'dev', 'flannel.1'])).stdout;
  return mac !== undefined && entries.includes(`${mac} dst `) ? mac : undefined;
}
