import type { Actual, HostInterface } from '../../../src/cni/actual.ts';
import type { Desired, HostFacts, NetworkPlan } from '../../../src/cni/desired.ts';
import { ANNOTATION, type NodeFacts, nodeFacts } from '../../../src/cni/node-facts.ts';
import { vtepMac } from '../../../src/cni/vtep.ts';
import { parseCidr } from '../../../src/config/cidr.ts';

export interface NodeOptions {
  readonly podCidr?: string;
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
  const mac = options.mac ?? vtepMac(name);
  return {
    metadata: {
      name,
      creationTimestamp: new Date((options.day ?? index) * 86_400_000).toISOString(),
      annotations: options.annotations ?? {
        [ANNOTATION.backendData]: options.backendData ?? JSON.stringify({ VNI: 1, VtepMAC: mac }),
        [ANNOTATION.backendType]: options.backendType ?? 'vxlan',
        [ANNOTATION.subnetManager]: 'true',
        [ANNOTATION.publicIp]: options.publicIp ?? `192.168.1.${index}`,
        ...(options.backend === undefined ? {} : { [ANNOTATION.backend]: options.backend }),
        ...(options.refused === undefined ? {} : { [ANNOTATION.backendRefused]: options.refused }),
      },
    },
    spec: { podCIDR: podCidr, podCIDRs: [podCidr] },
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

export const host: HostFacts = {
  podCidr: parseCidr('10.244.1.0/24'),
  underlay: { device: 'eth0', mtu: 1500, address: '192.168.1.1', subnet: parseCidr('192.168.1.0/24') },
  addresses: ['127.0.0.1', '192.168.1.1', '10.244.1.0'],
};

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
    interfaces: [ETH0, bridgeOf(wanted), ...tunnelOf(wanted)],
    routes: [
      { dst: 'default', gateway: '192.168.1.254', device: 'eth0', protocol: 3, metric: 0 },
      ...[...wanted.routes].map(([dst, { gateway, device }]) => ours(dst, gateway, device)),
    ],
    neighbours: new Map(wanted.neighbours),
    fdb: [...wanted.fdb].map(([mac, dst]) => ({ mac, dst })),
    table: wanted.table,
    forward: ACCEPTS,
    unplugged: [],
  };
}

export const ACCEPTS = { drops: false, rules: undefined };

export function tunnelOf({ link }: Desired): HostInterface[] {
  if (link === undefined) return [];
  const { name, mtu, mac, vni, port, local, underlay } = link;
  const vxlan = { vni, port, local, underlay, learning: false };
  const addresses = [{ address: link.address, prefix: 32, family: 'inet' }];
  return [{ ...PLAIN, name, mtu, mac, alias: 'kadm', kind: 'vxlan', vxlan, addresses }];
}

export function bridgeOf({ bridge: { name, mtu, mac } }: Desired): HostInterface {
  const addresses = [{ address: '10.244.1.1', prefix: 24, family: 'inet' }];
  return { ...PLAIN, name, mtu, mac, alias: 'kadm', kind: 'bridge', addresses };
}

export function ours(dst: string, gateway: string, device = 'flannel.1'): Actual['routes'][number] {
  return { dst, gateway, device, protocol: 75, metric: 0 };
}
