import { addressAt, type Cidr, contains } from '../config/cidr.ts';
import { type Backend, isDirect, needsTunnel } from './backend.ts';
import { forwardRules } from './forward.ts';
import { type NftTable, networkTable } from './network-table.ts';
import type { NodeFacts } from './node-facts.ts';
import { type Claims, choosePeers, type Peer, type Refusal } from './peers.ts';
import { bridgeMac, VXLAN_OVERHEAD_BYTES, vtepMac, vxlanDevice } from './vtep.ts';

/**
 * The protocol number (rtm_protocol) of every route that kadm makes: pruning goes by it, so that no other
 * program's route is ever touched. 75 is the letter K, and not among the numbers that iproute2 assigns.
 */
export const ROUTE_PROTOCOL = 75;

/** The bridge that pods are plugged into. */
export const BRIDGE = 'cni0';

/** What the network is told: the same on every node but for the node's name and address. */
export interface NetworkPlan {
  readonly nodeName: string;
  readonly backend: Backend;
  readonly clusterCidrs: readonly Cidr[];
  readonly serviceCidrs: readonly Cidr[];
  readonly vni: number;
  /** UDP port of the tunnel. */
  readonly port: number;
}

/** The interface over which this node reaches the others. */
export interface Underlay {
  readonly device: string;
  readonly mtu: number;
  /** This node's address on it: where peers send their tunnels. */
  readonly address: string;
  /** The network of that address: nodes within it are reached without a router. */
  readonly subnet: Cidr;
}

/** The part of a host that the network is planned with. */
export interface HostFacts {
  readonly podCidr: Cidr;
  readonly underlay: Underlay;
  readonly addresses: readonly string[];
}

export interface VxlanLink {
  readonly name: string;
  readonly vni: number;
  readonly port: number;
  /** Source address of the tunnel. */
  readonly local: string;
  readonly underlay: string;
  readonly mac: string;
  readonly mtu: number;
  /** The base of the pod CIDR: what this node's own traffic into the pod network comes from. */
  readonly address: string;
}

export interface BridgeLink {
  readonly name: typeof BRIDGE;
  /** Set, or the bridge would take that of whichever pod has the lowest, and its pods' gateway would change. */
  readonly mac: string;
  readonly mtu: number;
  /** The pods' gateway, with the length of the pod CIDR: 10.244.1.1/24. */
  readonly address: string;
}

/** The way to a peer's pods. */
export interface DesiredRoute {
  readonly gateway: string;
  readonly device: string;
  /** The gateway is reached by the tunnel's own entries, and lies in no network of the device. */
  readonly onlink: boolean;
}

export interface Desired {
  /** The tunnel's name, whether or not there is to be one. */
  readonly tunnelDevice: string;
  /** What the others are told of this node, and the network's devices are planned with. */
  readonly underlay: Underlay;
  /** Undefined where no node of the cluster is reached through a tunnel. */
  readonly link: VxlanLink | undefined;
  readonly bridge: BridgeLink;
  /** Bytes that a packet of a new pod may have. */
  readonly podMtu: number;
  /** By destination: the pod CIDR of a peer. */
  readonly routes: ReadonlyMap<string, DesiredRoute>;
  /** MAC address by IP address. */
  readonly neighbours: ReadonlyMap<string, string>;
  /** Public IP by MAC address. */
  readonly fdb: ReadonlyMap<string, string>;
  readonly table: NftTable;
  /** Of iptables, where its policy asks for them. */
  readonly forward: readonly string[];
}

/**
 * The kernel state that this set of Nodes asks for, and the Nodes that are left out of it.
 * @param known of a call with the same plan and host
 */
export function desiredNetwork(
  nodes: Iterable<NodeFacts>,
  plan: NetworkPlan,
  host: HostFacts,
  known?: Claims,
): { readonly desired: Desired; readonly refusals: readonly Refusal[]; readonly peers: number } {
  const mac = vtepMac(plan.nodeName);
  const rules = {
    clusterCidrs: plan.clusterCidrs,
    vni: plan.vni,
    backend: plan.backend,
    underlay: host.underlay,
    own: { name: plan.nodeName, podCidr: host.podCidr, mac },
    ownAddresses: host.addresses,
  };
  const { peers, refusals } = choosePeers(nodes, rules, known);
  const tunnelDevice = vxlanDevice(plan.vni);
  const direct = (peer: Peer): boolean => isDirect(plan.backend, host.underlay, peer);
  const tunnelled = peers.flatMap((peer) =>
    direct(peer) || peer.mac === undefined ? [] : [{ ...peer, mac: peer.mac }],
  );
  const clusterCidr = clusterCidrOf(host.podCidr, plan);
  const podMtu = host.underlay.mtu - (plan.backend === 'host-gw' ? 0 : VXLAN_OVERHEAD_BYTES);
  const desired: Desired = {
    tunnelDevice,
    underlay: host.underlay,
    link: needsTunnel(plan.backend, peers)
      ? {
          name: tunnelDevice,
          vni: plan.vni,
          port: plan.port,
          local: host.underlay.address,
          underlay: host.underlay.device,
          mac,
          mtu: host.underlay.mtu - VXLAN_OVERHEAD_BYTES,
          address: baseOf(host.podCidr),
        }
      : undefined,
    bridge: {
      name: BRIDGE,
      mac: bridgeMac(plan.nodeName),
      mtu: podMtu,
      address: `${addressAt(host.podCidr, 1)}/${host.podCidr.prefix}`,
    },
    podMtu,
    routes: new Map(
      peers.map((peer) => [
        peer.podCidr.text,
        direct(peer)
          ? { gateway: peer.publicIp, device: host.underlay.device, onlink: false }
          : { gateway: baseOf(peer.podCidr), device: tunnelDevice, onlink: true },
      ]),
    ),
    neighbours: new Map(tunnelled.map((peer) => [baseOf(peer.podCidr), peer.mac])),
    fdb: new Map(tunnelled.map((peer) => [peer.mac, peer.publicIp])),
    table: networkTable({ clusterCidr, podCidr: host.podCidr, serviceCidrs: plan.serviceCidrs }),
    forward: forwardRules(clusterCidr),
  };
  return { desired, refusals, peers: peers.length };
}

/** The cluster's CIDR that a node's lies in. */
function clusterCidrOf(podCidr: Cidr, { clusterCidrs }: NetworkPlan): Cidr {
  return clusterCidrs.find((cluster) => contains(cluster, baseOf(podCidr))) ?? podCidr;
}

function baseOf({ text }: Cidr): string {
  return text.slice(0, text.indexOf('/'));
}
