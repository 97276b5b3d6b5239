import { FAMILIES, FAMILY, type Family } from '../config/family.ts';
import type { PassFacts, PeerWay } from './pass-facts.ts';
import { ProbeSeries, type ProbeSize, type ProbeSummary } from './probe-series.ts';
import type { PeerState } from './probe-verdict.ts';

/** Of a large cluster some other peers each round. */
const PEERS_A_ROUND = 16;

export interface ProbedPeer {
  way: PeerWay;
  readonly series: Readonly<Record<ProbeSize, ProbeSeries>>;
  state: PeerState | undefined;
  probedAt: Date | undefined;
}

/** What is known of the way to one peer. */
export interface ProbeResult extends Readonly<Record<ProbeSize, ProbeSummary>> {
  readonly node: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly state: PeerState['state'] | 'not probed yet';
  readonly why?: string;
  readonly probedAt?: string;
}

/** The peers that there are, what came of probing them, and whose turn it is. */
export class ProbedPeers {
  /** By node and family. */
  readonly #peers = new Map<string, ProbedPeer>();
  /** Of each family the peers of the last round in which there were any: its verdict is theirs. */
  readonly #samples = new Map<Family, readonly ProbedPeer[]>();
  /** The ways that are not taken over yet. */
  #ways: PassFacts['ways'] | undefined;
  #turn = 0;

  /** Takes over what the network has just been brought to, when it is asked for next. */
  update({ ways }: Pick<PassFacts, 'ways'>): void {
    this.#ways = ways;
  }

  get all(): ProbedPeer[] {
    return [...this.#present().values()];
  }

  get results(): ProbeResult[] {
    return this.all.map(({ way, series, state, probedAt }) => ({
      node: way.node,
      family: FAMILY[way.family].name,
      state: state?.state ?? 'not probed yet',
      ...(state?.state === 'unknown' ? { why: state.why } : {}),
      ...(state?.state === 'broken' ? { why: `packets of ${state.size} size are lost` } : {}),
      ...(probedAt === undefined ? {} : { probedAt: probedAt.toISOString() }),
      small: series.small.summary,
      full: series.full.summary,
    }));
  }

  wayTo(node: string, family: Family): PeerWay | undefined {
    return this.#present().get(keyOf({ node, family }))?.way;
  }

  /** Those whose turn it is: what they are found to be is what the network is judged by. */
  next(): ProbedPeer[] {
    const { all } = this;
    const begin = all.length <= PEERS_A_ROUND ? 0 : (this.#turn * PEERS_A_ROUND) % all.length;
    this.#turn += 1;
    const peers = [...all.slice(begin), ...all.slice(0, begin)].slice(0, PEERS_A_ROUND);
    for (const family of FAMILIES) {
      const own = peers.filter(({ way }) => way.family === family);
      if (own.length > 0) this.#samples.set(family, own);
    }
    return peers;
  }

  /** Tried again alone they say nothing of those that were reached. */
  broken(): ProbedPeer[] {
    return this.all.filter(({ state }) => state?.state === 'broken').slice(0, PEERS_A_ROUND);
  }

  /** What a family is judged by, by node. */
  states(family: Family): Map<string, PeerState> {
    const present = this.#present();
    return new Map(
      (this.#samples.get(family) ?? []).flatMap(({ way, state }) =>
        state === undefined || !present.has(keyOf(way))
          ? []
          : [[family === 4 ? way.node : `${way.node} by IPv6`, state] as const],
      ),
    );
  }

  #present(): ReadonlyMap<string, ProbedPeer> {
    const ways = this.#ways?.();
    this.#ways = undefined;
    if (ways === undefined) return this.#peers;
    const present = new Set(ways.map(keyOf));
    for (const key of this.#peers.keys()) if (!present.has(key)) this.#peers.delete(key);
    for (const way of ways) {
      const peer = this.#peers.get(keyOf(way));
      if (peer !== undefined) peer.way = way;
      else this.#peers.set(keyOf(way), newPeer(way));
    }
    return this.#peers;
  }
}

function keyOf({ node, family }: Pick<PeerWay, 'node' | 'family'>): string {
  return `${node} ${family}`;
}

function newPeer(way: PeerWay): ProbedPeer {
  const series = { small: new ProbeSeries(), full: new ProbeSeries() };
  return { way, series, state: undefined, probedAt: undefined };
}
