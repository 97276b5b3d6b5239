import type { Actual, FamilyState, HostInterface } from '../../../src/cni/actual.ts';
import type { Desired, FamilyNetwork, HostFacts, NetworkPlan } from '../../../src/cni/desired.ts';
import { ANNOTATION, type NodeFacts, nodeFacts } from '../../../src/cni/node-facts.ts';
import { vtepMac } from '../../../src/cni/vtep.ts';
import { parseCidr } from '../../../src/config/cidr.ts';
import type { Family } from '../../../src/config/family.ts';

export interface NodeOptions {
  readonly podCidr?: string;
  /** A pod CIDR and an address of the other family too, as honest agents of such a cluster have them. */
  readonly dual?: boolean;
  readonly publicIpv6?: string;
  readonly publicIp?: string;
  readonly mac?: string;
  readonly backendData?: string;
  readonly backendType?: string;
  /** What kadm announces beside flannel's type. */
  readonly backend?: string;
  readonly internalIp?: string;
  readonly refused?: string;
  /** Days since 1970: the smaller, the older. */
  readonly day?: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Node number `index` as the API server has it, with the annotations of an honest agent unless told otherwise. */
export function apiNode(index: number, options: NodeOptions = {}): object {
  const name = `n${index}`;
  const podCidr = options.podCidr ?? `10.244.${index}.0/24`;
  const mac = options.mac ?? vtepMac(name, 4);
  const podCidr6 = options.dual ? [`fd00:10:244:${index}::/64`] : [];
  const dual = {
    [ANNOTATION.backendV6Data]: JSON.stringify({ VNI: 1, VtepMAC: vtepMac(name, 6) }),
    [ANNOTATION.publicIpv6]: options.publicIpv6 ?? `fd77::${index}`,
  };
  return {
    metadata: {
      name,
      creationTimestamp: new Date((options.day ?? index) * 86_400_000).toISOString(),
      annotations: options.annotations ?? {
        [ANNOTATION.backendData]: options.backendData ?? JSON.stringify({ VNI: 1, VtepMAC: mac }),
        [ANNOTATION.backendType]: options.backendType ?? 'vxlan',
        [ANNOTATION.subnetManager]: 'true',
        [ANNOTATION.publicIp]: options.publicIp ?? `192.168.1.${index}`,
        ...(options.dual ? dual : {}),
        ...(options.backend === undefined ? {} : { [ANNOTATION.backend]: options.backend }),
        ...(options.refused === undefined ? {} : { [ANNOTATION.backendRefused]: options.refused }),
      },
    },
    spec: { podCIDR: podCidr, podCIDRs: [podCidr, ...podCidr6] },
    status: { addresses: [{ type: 'InternalIP', address: options.internalIp ?? `192.168.1.${index}` }] },
  };
}

export function node(index: number, options: NodeOptions = {}): NodeFacts {
  return nodeFacts(apiNode(index, options), 'n1');
}

/** The plan of node n1, which the tests look from. */
export const plan: NetworkPlan = {
  nodeName: 'n1',
  backend: 'vxlan',
  clusterCidrs: [parseCidr('10.244.0.0/16')],
  serviceCidrs: [parseCidr('10.96.0.0/12')],
  vni: 1,
  port: 8472,
};

export const underlay = {
  device: 'eth0',
  mtu: 1500,
  address: '192.168.1.1',
  subnet: parseCidr('192.168.1.0/24'),
};

export const host: HostFacts = {
  podCidrs: [parseCidr('10.244.1.0/24')],
  underlays: new Map([[4, underlay]]),
  addresses: ['127.0.0.1', '192.168.1.1', '10.244.1.0'],
};

/** The same in a cluster of both families. */
export const dualPlan: NetworkPlan = {
  ...plan,
  clusterCidrs: [...plan.clusterCidrs, parseCidr('fd00:10:244::/56')],
  serviceCidrs: [...plan.serviceCidrs, parseCidr('fd00:10:96::/112')],
};

export const underlay6 = { device: 'eth0', mtu: 1500, address: 'fd77::1', subnet: parseCidr('fd77::/64') };

export const dualHost: HostFacts = {
  podCidrs: [...host.podCidrs, parseCidr('fd00:10:244:1::/64')],
  underlays: new Map([
    [4, underlay],
    [6, underlay6],
  ]),
  addresses: [...host.addresses, 'fd77::1', 'fd00:10:244:1::'],
};

/** What is desired of one family. */
export function inFamily({ networks }: Desired, family: Family): FamilyNetwork {
  const found = networks.find((one) => one.family === family);
  if (found === undefined) throw new Error(`nothing is desired of family ${family}`);
  return found;
}

/** All but the addresses: what every device has, and what only some have. */
export const PLAIN = {
  up: true,
  alias: undefined,
  kind: undefined,
  master: undefined,
  vxlan: undefined,
} as const;
export const ETH0: HostInterface = {
  ...PLAIN,
  name: 'eth0',
  mtu: 1500,
  mac: '52:54:00:00:00:01',
  addresses: [{ address: '192.168.1.1', prefix: 24, family: 'inet' }],
};

/** The kernel of a node that has just what is desired. */
export function inPlace(wanted: Desired): Actual {
  return {
    interfaces: [ETH0, bridgeOf(wanted), ...tunnelsOf(wanted)],
    networks: new Map(wanted.networks.map((network) => [network.family, stateOf(network)])),
    unplugged: [],
  };
}

export function stateOf({ family, podCidr, routes, neighbours, fdb, table }: FamilyNetwork): FamilyState {
  const metric = family === 4 ? 0 : 1024;
  const gateway = family === 4 ? '192.168.1.254' : 'fe80::1';
  return {
    routes: [
      { dst: 'default', gateway, device: 'eth0', protocol: 3, metric },
      { dst: podCidr.text, gateway: undefined, device: 'cni0', protocol: 2, metric: family === 4 ? 0 : 256 },
      ...[...routes].map(([dst, way]) => ({ ...ours(dst, way.gateway, way.device), metric })),
    ],
    neighbours: new Map(neighbours),
    fdb: [...fdb].map(([mac, dst]) => ({ mac, dst })),
    table,
    forward: ACCEPTS,
  };
}

export const ACCEPTS = { drops: false, rules: undefined };

export function tunnelsOf({ networks }: Desired): HostInterface[] {
  return networks.flatMap(({ link }) => {
    if (link === undefined) return [];
    const { name, mtu, mac, vni, port, local, underlay } = link;
    const vxlan = { vni, port, local, underlay, learning: false };
    const addresses = [addressOf(link.address)];
    return [{ ...PLAIN, name, mtu, mac, alias: 'kadm', kind: 'vxlan', vxlan, addresses }];
  });
}

export function addressOf(cidr: string): HostInterface['addresses'][number] {
  const [address = '', prefix] = cidr.split('/');
  return { address, prefix: Number(prefix), family: address.includes(':') ? 'inet6' : 'inet' };
}

export function bridgeOf({ bridge: { name, mtu, mac, addresses: wanted } }: Desired): HostInterface {
  const linkLocal = wanted.some((one) => one.includes(':')) ? [addressOf('fe80::1/64')] : [];
  const addresses = [...wanted.map(addressOf), ...linkLocal];
  return { ...PLAIN, name, mtu, mac, alias: 'kadm', kind: 'bridge', addresses };
}

export function ours(
  dst: string,
  gateway: string | undefined,
  device = 'flannel.1',
): FamilyState['routes'][number] {
  return { dst, gateway, device, protocol: 75, metric: 0 };
}
