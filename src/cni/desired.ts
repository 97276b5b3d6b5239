import type { Cidr } from '../config/cidr.ts';
import { contains } from '../config/cidr.ts';
import { type NftTable, networkTable } from './network-table.ts';
import type { NodeFacts } from './node-facts.ts';
import { choosePeers, type Refusal } from './peers.ts';
import { VXLAN_OVERHEAD_BYTES, vtepMac, vxlanDevice } from './vtep.ts';

/**
 * The protocol number (rtm_protocol) of every route that kadm makes: pruning goes by it, so that no other
 * program's route is ever touched. 75 is the letter K, and not among the numbers that iproute2 assigns.
 */
export const ROUTE_PROTOCOL = 75;

/** What the network is told: the same on every node but for the node's name and address. */
export interface NetworkPlan {
  readonly nodeName: string;
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

export interface Desired {
  readonly link: VxlanLink;
  /** Gateway by destination: pod CIDR of a peer, by way of that CIDR's base address. */
  readonly routes: ReadonlyMap<string, string>;
  /** MAC address by IP address. */
  readonly neighbours: ReadonlyMap<string, string>;
  /** Public IP by MAC address. */
  readonly fdb: ReadonlyMap<string, string>;
  readonly table: NftTable;
}

/** The kernel state that this set of Nodes asks for, and the Nodes that are left out of it. */
export function desiredNetwork(
  nodes: Iterable<NodeFacts>,
  plan: NetworkPlan,
  host: HostFacts,
): { readonly desired: Desired; readonly refusals: readonly Refusal[]; readonly peers: number } {
  const mac = vtepMac(plan.nodeName);
  const { peers, refusals } = choosePeers(nodes, {
    clusterCidrs: plan.clusterCidrs,
    vni: plan.vni,
    own: { name: plan.nodeName, podCidr: host.podCidr, mac },
    ownAddresses: host.addresses,
  });
  const desired: Desired = {
    link: {
      name: vxlanDevice(plan.vni),
      vni: plan.vni,
      port: plan.port,
      local: host.underlay.address,
      underlay: host.underlay.device,
      mac,
      mtu: host.underlay.mtu - VXLAN_OVERHEAD_BYTES,
      address: baseOf(host.podCidr),
    },
    routes: new Map(peers.map(({ podCidr }) => [podCidr.text, baseOf(podCidr)])),
    neighbours: new Map(peers.map(({ podCidr, mac: peerMac }) => [baseOf(podCidr), peerMac])),
    fdb: new Map(peers.map(({ mac: peerMac, publicIp }) => [peerMac, publicIp])),
    table: networkTable({
      clusterCidr: clusterCidrOf(host.podCidr, plan),
      podCidr: host.podCidr,
      serviceCidrs: plan.serviceCidrs,
    }),
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
