import { nameStep } from '../cni/apply.ts';
import type { Backend } from '../cni/backend.ts';
import type { StepKind } from '../cni/diff.ts';
import { ANNOTATION, type NodeFacts } from '../cni/node-facts.ts';
import type { Refusal } from '../cni/peers.ts';
import type { Pass } from '../cni/reconcile.ts';
import { addressAt, parseCidr } from '../config/cidr.ts';

/** Another node as this one reaches its pods. */
export interface PeerWay {
  readonly node: string;
  readonly podCidr: string;
  /** The interface that leads there. */
  readonly device: string;
  /** The peer's own address in the pod network. */
  readonly target: string;
  /** This node's address in the pod network, which it asks from. */
  readonly from: string;
  /** Address of the peer's host, outside of the pod network. */
  readonly hostAddress: string;
}

/** What a comparison of the cluster with the kernel says of this node's network. */
export interface PassFacts {
  readonly backend: Backend;
  /** The tunnel, or the underlay's interface where there is none. */
  readonly device: string;
  /** Bytes that a packet of a pod may have. */
  readonly mtu: number;
  readonly podCidr: string;
  readonly peerCount: number;
  /** Made when they are first asked for: of thousands nobody asks after each change. */
  readonly peers: readonly PeerWay[];
  readonly conflicts: readonly string[];
  readonly warnings: readonly string[];
  readonly refusals: readonly Refusal[];
  readonly repaired: Readonly<Partial<Record<StepKind, number>>>;
  /** The first steps, in words. */
  readonly shown: readonly string[];
}

/** Steps named in logs and status, of one repair. */
const SHOWN_STEPS = 5;

export function passFacts(pass: Pass, backend: Backend): PassFacts {
  const { desired, podCidr, conflicts, warnings, refusals, steps, peers: peerCount } = pass;
  const { link, underlay, podMtu } = desired;
  let peers: readonly PeerWay[] | undefined;
  const repaired: Partial<Record<StepKind, number>> = {};
  for (const { kind } of steps) repaired[kind] = (repaired[kind] ?? 0) + 1;
  return {
    backend,
    device: link?.name ?? underlay.device,
    mtu: podMtu,
    podCidr: podCidr.text,
    peerCount,
    get peers() {
      peers ??= peerWays(pass);
      return peers;
    },
    conflicts,
    warnings,
    refusals,
    repaired,
    shown: steps.slice(0, SHOWN_STEPS).map(nameStep),
  };
}

function peerWays({ desired, refusals, nodes }: Pass): PeerWay[] {
  const { link, bridge, routes } = desired;
  const refused = new Set(refusals.map(({ node }) => node));
  const byCidr = new Map<string, NodeFacts>();
  for (const node of nodes.values())
    if (!refused.has(node.name)) for (const cidr of node.podCidrs) byCidr.set(cidr, node);
  return [...routes].flatMap(([cidr, route]) => {
    const node = byCidr.get(cidr);
    const hostAddress = node?.annotations[ANNOTATION.publicIp];
    if (node === undefined || hostAddress === undefined) return [];
    // By the tunnel it is asked at its end of the tunnel, else at its pods' gateway.
    const { device, onlink, gateway } = route;
    const target = onlink ? gateway : addressAt(parseCidr(cidr), 1);
    const from = onlink && link !== undefined ? link.address : withoutPrefix(bridge.address);
    return [{ node: node.name, podCidr: cidr, device, target, from, hostAddress }];
  });
}

function withoutPrefix(address: string): string {
  return address.slice(0, address.indexOf('/'));
}
