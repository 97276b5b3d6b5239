import type { ProbeSize } from './probe-series.ts';

/** What a round of probes to one peer came to. */
export type PeerState =
  | { readonly state: 'reached' }
  /** The peer's host answers, and the pod network between us does not. */
  | { readonly state: 'broken'; readonly size: ProbeSize }
  /** Nothing can be said about the way: the host itself does not answer, or its firewall may be what is silent. */
  | { readonly state: 'unknown'; readonly why: string };

export interface PeerEvidence {
  /** The first size whose probes were all lost in this round; undefined when both were answered. */
  readonly lost: ProbeSize | undefined;
  /** The peer's host answers on its own address. */
  readonly hostAnswers: boolean;
  /** A probe of this size was answered before: the peer's firewall lets them in. */
  readonly answeredBefore: boolean;
  /** Something arrived by the pod network's device during the round. */
  readonly somethingCame: boolean;
}

/**
 * A node that is off, or an agent that is stopped, is no fault of the pod network; nor is a firewall that lets pods'
 * packets pass and drops those to the host. What remains is one.
 */
export function judgePeer({ lost, hostAnswers, answeredBefore, somethingCame }: PeerEvidence): PeerState {
  if (lost === undefined) return { state: 'reached' };
  if (!hostAnswers) return { state: 'unknown', why: 'its host does not answer either' };
  // What is lost at full size only, got through its firewall when it was small.
  if (lost === 'small' && !answeredBefore && somethingCame) {
    return { state: 'unknown', why: 'it has never answered, as behind a firewall that drops UDP port 10270' };
  }
  return { state: 'broken', size: lost };
}

/**
 * Why this node's pods cannot reach the others'; undefined when they can, or nothing speaks against it. One peer
 * that is reached shows that this node's end works: the fault is the other's then.
 */
export function whyPathBroken(peers: ReadonlyMap<string, PeerState>): string | undefined {
  const all = [...peers];
  const broken = all.flatMap(([name, peer]) => (peer.state === 'broken' ? [{ name, size: peer.size }] : []));
  const [first] = broken;
  if (first === undefined || all.some(([, { state }]) => state === 'reached')) return undefined;
  const others = broken.length === 1 ? '' : ` and ${broken.length - 1} more`;
  const what = first.size === 'small' ? 'no packet' : 'no packet of full size';
  return `${what} to the pods of ${first.name}${others} is answered, while the host is; see kadm network check`;
}
