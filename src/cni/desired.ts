import { addressAt, type Cidr, contains } from '../config/cidr.ts';
import { FAMILY, type Family, hostNetwork } from '../config/family.ts';
import { type Backend, isDirect, needsTunnel } from './backend.ts';
import { forwardRules } from './forward.ts';
import { type NftTable, networkTable } from './network-table.ts';
import type { NodeFacts } from './node-facts.ts';
import { type Claims, choosePeers, knownClaim, type Peer, type PeerRules, type Refusal } from './peers.ts';
import { bridgeMac, vtepMac, vxlanDevice } from './vtep.ts';

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
  /** Of this node, one for each family; the first is the cluster's primary one. */
  readonly podCidrs: readonly Cidr[];
  /** A family is missing where this host has no address of it: nothing of it is planned then. */
  readonly underlays: ReadonlyMap<Family, Underlay>;
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
  /** The base of the pod CIDR: what this node's own traffic into the pod network comes from. 10.244.1.0/32 */
  readonly address: string;
}

export interface BridgeLink {
  readonly name: typeof BRIDGE;
  /** Set, or the bridge would take that of whichever pod has the lowest, and its pods' gateway would change. */
  readonly mac: string;
  readonly mtu: number;
  /** The pods' gateway in each family, with the length of the pod CIDR: 10.244.1.1/24. */
  readonly addresses: readonly string[];
}

/** The way to a peer's pods. */
export interface DesiredRoute {
  /** Undefined where the destination is on the device itself. */
  readonly gateway: string | undefined;
  readonly device: string;
  /** The gateway is reached by the tunnel's own entries, and lies in no network of the device. */
  readonly onlink: boolean;
}

/** The network of all pods in one family. */
export interface FamilyNetwork {
  readonly family: Family;
  readonly podCidr: Cidr;
  /** The tunnel's name, whether or not there is to be one. */
  readonly tunnelDevice: string;
  /** What the others are told of this node, and the network's devices are planned with. */
  readonly underlay: Underlay;
  /** Undefined where no node of the cluster is reached through a tunnel. */
  readonly link: VxlanLink | undefined;
  /** By name. This and the following are changed in place for a few Nodes (follow.ts). */
  readonly peers: Map<string, Peer>;
  /** By destination: the pod CIDR of a peer, and what that one needs. */
  readonly routes: Map<string, DesiredRoute>;
  /** MAC address by IP address. */
  readonly neighbours: Map<string, string>;
  /** Public IP by MAC address. */
  readonly fdb: Map<string, string>;
  readonly table: NftTable;
  /** Of iptables, where its policy asks for them. */
  readonly forward: readonly string[];
}

export interface Desired {
  readonly bridge: BridgeLink;
  /** Bytes that a packet of a new pod may have: a pod's link has one MTU for both families, that of the lesser. */
  readonly podMtu: number;
  /** The primary family's first. */
  readonly networks: readonly FamilyNetwork[];
}

/** What was found of Nodes before, in each family. */
export type FamilyClaims = Readonly<Record<Family, Claims>>;

export function noClaims(): FamilyClaims {
  return { 4: new WeakMap(), 6: new WeakMap() };
}

/** Looks at what a Node claims as soon as it is known: with thousands, the network waits for it otherwise. */
export function noteClaims(node: NodeFacts, { clusterCidrs, vni }: NetworkPlan, known: FamilyClaims): void {
  for (const { family } of clusterCidrs) knownClaim(node, { family, clusterCidrs, vni }, known[family]);
}

/**
 * The kernel state that this set of Nodes asks for, and the Nodes that are left out of it.
 * @param known of a call with the same plan; it is added to
 */
export function desiredNetwork(
  nodes: Iterable<NodeFacts>,
  plan: NetworkPlan,
  host: HostFacts,
  known: FamilyClaims = noClaims(),
): { readonly desired: Desired; readonly refusals: readonly Refusal[]; readonly peers: number } {
  const all = [...nodes];
  const planned = host.podCidrs.flatMap((podCidr) => {
    const underlay = host.underlays.get(podCidr.family);
    if (underlay === undefined) return [];
    const rules = peerRules(plan, host.addresses, { podCidr, underlay });
    return [familyNetwork(plan, rules, choosePeers(all, rules, known[podCidr.family]))];
  });
  const podMtu = podMtuOf(plan, host);
  const bridge: BridgeLink = {
    name: BRIDGE,
    mac: bridgeMac(plan.nodeName),
    mtu: podMtu,
    addresses: host.podCidrs.map((cidr) => `${addressAt(cidr, 1)}/${cidr.prefix}`),
  };
  return {
    desired: { bridge, podMtu, networks: planned.map(({ network }) => network) },
    refusals: distinct(planned.flatMap(({ refusals }) => refusals)),
    peers: new Set(planned.flatMap(({ network }) => [...network.peers.keys()])).size,
  };
}

/** Also while an address of this host is away: pods are not to get another MTU for that time. */
function podMtuOf({ backend }: NetworkPlan, { podCidrs, underlays }: HostFacts): number {
  const overheads = podCidrs.map(({ family }) => FAMILY[family].vxlanOverhead);
  const underlay = Math.min(...[...underlays.values()].map(({ mtu }) => mtu));
  return underlay - (backend === 'host-gw' ? 0 : Math.max(...overheads));
}

function peerRules(
  { nodeName, clusterCidrs, vni, backend }: NetworkPlan,
  ownAddresses: readonly string[],
  { podCidr, underlay }: { readonly podCidr: Cidr; readonly underlay: Underlay },
): PeerRules {
  const { family } = podCidr;
  const own = { name: nodeName, podCidr, mac: vtepMac(nodeName, family) };
  return { family, clusterCidrs, vni, backend, underlay, own, ownAddresses };
}

function familyNetwork(
  plan: NetworkPlan,
  { family, underlay, own: { podCidr, mac } }: PeerRules,
  { peers, refusals }: { readonly peers: readonly Peer[]; readonly refusals: readonly Refusal[] },
): { readonly network: FamilyNetwork; readonly refusals: readonly Refusal[] } {
  const tunnelDevice = vxlanDevice(plan.vni, family);
  const clusterCidr = clusterCidrOf(podCidr, plan);
  const network: FamilyNetwork = {
    family,
    podCidr,
    tunnelDevice,
    underlay,
    link: needsTunnel(plan.backend, peers)
      ? {
          name: tunnelDevice,
          vni: plan.vni,
          port: plan.port,
          local: underlay.address,
          underlay: underlay.device,
          mac,
          mtu: underlay.mtu - FAMILY[family].vxlanOverhead,
          address: hostNetwork(baseOf(podCidr)),
        }
      : undefined,
    ...entriesOf(peers, plan.backend, underlay, tunnelDevice),
    table: networkTable({ clusterCidr, podCidr, serviceCidrs: plan.serviceCidrs }),
    forward: forwardRules(clusterCidr),
  };
  return { network, refusals };
}

/** What each peer needs in the kernel. */
function entriesOf(
  all: readonly Peer[],
  backend: Backend,
  underlay: Underlay,
  device: string,
): Pick<FamilyNetwork, 'peers' | 'routes' | 'neighbours' | 'fdb'> {
  const peers = new Map<string, Peer>();
  const routes = new Map<string, DesiredRoute>();
  const neighbours = new Map<string, string>();
  const fdb = new Map<string, string>();
  for (const peer of all) {
    const { podCidr, mac, publicIp } = peer;
    peers.set(peer.name, peer);
    if (isDirect(backend, underlay, peer)) {
      routes.set(podCidr.text, { gateway: publicIp, device: underlay.device, onlink: false });
      continue;
    }
    const gateway = baseOf(podCidr);
    // Of IPv6 also one to the gateway itself, before the one by it: the kernel does not take a gateway that another
    // route leads to by another device (ip6_route_check_nh_onlink), and the gateway lies in the network that it is for.
    // So a route past the tunnel could not be replaced by this one, and a host that has one to fd00::/8 could have none.
    if (podCidr.family === 6) routes.set(hostNetwork(gateway), { gateway: undefined, device, onlink: false });
    routes.set(podCidr.text, { gateway, device, onlink: true });
    if (mac === undefined) continue;
    neighbours.set(gateway, mac);
    fdb.set(mac, publicIp);
  }
  return { peers, routes, neighbours, fdb };
}

/** What is wrong with a Node as such is found in each family. */
function distinct(refusals: readonly Refusal[]): Refusal[] {
  return [...new Map(refusals.map((one) => [`${one.node} ${one.reason}`, one])).values()];
}

/** The cluster's CIDR that a node's lies in. */
function clusterCidrOf(podCidr: Cidr, { clusterCidrs }: NetworkPlan): Cidr {
  return clusterCidrs.find((cluster) => contains(cluster, baseOf(podCidr))) ?? podCidr;
}

function baseOf({ text }: Cidr): string {
  return text.slice(0, text.indexOf('/'));
}
