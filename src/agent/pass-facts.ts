import { nameStep } from '../cni/apply.ts';
import type { Backend } from '../cni/backend.ts';
import type { FamilyNetwork } from '../cni/desired.ts';
import type { StepKind } from '../cni/diff.ts';
import type { Refusal } from '../cni/peers.ts';
import type { Pass } from '../cni/reconcile.ts';
import { addressAt } from '../config/cidr.ts';
import type { Family } from '../config/family.ts';

/** Another node as this one reaches its pods in one family. */
export interface PeerWay {
  readonly node: string;
  readonly family: Family;
  /** The interface that leads there. */
  readonly device: string;
  /** The peer's own address in the pod network. */
  readonly target: string;
  /** This node's address in the pod network, which it asks from. */
  readonly from: string;
  /** Address of the peer's host, outside of the pod network. */
  readonly hostAddress: string;
}

/** The part of this node's network that is one family's. */
export interface NetworkFacts {
  readonly family: Family;
  /** The tunnel, or the underlay's interface where there is none. */
  readonly device: string;
  readonly podCidr: string;
}

/** What a comparison of the cluster with the kernel says of this node's network. */
export interface PassFacts {
  readonly backend: Backend;
  /** The primary family's first. */
  readonly networks: readonly NetworkFacts[];
  /** Bytes that a packet of a pod may have. */
  readonly mtu: number;
  /** Why pods would have no network in one of their families. */
  readonly lacking: string | undefined;
  /** The ways to all peers, as they are when it is called: of thousands, few are wanted at a time. */
  readonly ways: () => readonly PeerWay[];
  /** Nodes that there is a way to, and of which nothing is refused. */
  readonly peerNodes: number;
  readonly conflicts: readonly string[];
  readonly warnings: readonly string[];
  readonly refusals: readonly Refusal[];
  readonly repaired: Readonly<Partial<Record<StepKind, number>>>;
  /** The first steps, in words. */
  readonly shown: readonly string[];
}

/** Steps named in logs and status, of one repair. */
const SHOWN_STEPS = 5;

export function passFacts(
  { desired, lacking, conflicts, warnings, refusals, steps, peers }: Pass,
  backend: Backend,
): PassFacts {
  const { networks, podMtu } = desired;
  const refused = new Set(refusals.map(({ node }) => node));
  const reachedRefused = [...refused].filter((node) => networks.some((network) => network.peers.has(node)));
  const repaired: Partial<Record<StepKind, number>> = {};
  for (const { kind } of steps) repaired[kind] = (repaired[kind] ?? 0) + 1;
  return {
    backend,
    networks: networks.map(({ family, link, underlay, podCidr }) => ({
      family,
      device: link?.name ?? underlay.device,
      podCidr: podCidr.text,
    })),
    mtu: podMtu,
    lacking,
    ways: () => networks.flatMap(waysOf),
    peerNodes: peers - reachedRefused.length,
    conflicts,
    warnings,
    refusals,
    repaired,
    shown: steps.slice(0, SHOWN_STEPS).map(nameStep),
  };
}

function waysOf({ family, podCidr: own, link, routes, peers }: FamilyNetwork): PeerWay[] {
  const byTunnel = link && withoutPrefix(link.address);
  const direct = addressAt(own, 1);
  return [...peers.values()].flatMap(({ name: node, podCidr, publicIp: hostAddress }) => {
    const route = routes.get(podCidr.text);
    if (route === undefined) return [];
    const { device, onlink, gateway } = route;
    // By the tunnel it is asked at its end of the tunnel, else at its pods' gateway.
    const target = onlink && gateway !== undefined ? gateway : addressAt(podCidr, 1);
    const from = onlink ? (byTunnel ?? direct) : direct;
    return [{ node, family, device, target, from, hostAddress }];
  });
}

function withoutPrefix(address: string): string {
  return address.slice(0, address.indexOf('/'));
}
