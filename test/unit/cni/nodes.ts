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
