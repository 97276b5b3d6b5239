import type { Socket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cidr, contains } from '../config/cidr.ts';
import { FAMILIES, type Family } from '../config/family.ts';
import { messageOf } from '../errors.ts';
import type { Log } from './log.ts';
import type { PassFacts, PeerWay } from './pass-facts.ts';
import { AGENT_PORT } from './port.ts';
import { PROBE_SIZES, type ProbeSeries, type ProbeSize } from './probe-series.ts';
import { answerProbes, hostAnswers, ProbeSocket, type ProbeWay, probe, SMALL_BYTES } from './probe-socket.ts';
import { judgePeer, type PeerState, whyPathBroken } from './probe-verdict.ts';
import { type ProbedPeer, ProbedPeers, type ProbeResult } from './probed-peers.ts';
import type { Service } from './service.ts';
import { Wake } from './wake.ts';

const PERIOD_MS = 10_000;
/** Between tries of peers that the network does not reach, so that the mending is noticed within seconds. */
const BROKEN_PERIOD_MS = 2_000;
const TIMEOUT_MS = 1_000;
const PAUSE_MS = 200;
/**
 * All lost in a row, before a way counts as broken. With 5 % of packets lost each way one probe in ten is, six in a
 * row are one in a million, and then the kernel of the peer is asked as well.
 */
const TRIES = 6;
/** Where the last round reached nobody, and the host is silent too, so many say the same as all. */
const TRIES_OF_SILENT = 3;
/** Every kubelet listens there; without a connection nothing is sent to it. */
const KUBELET_PORT = 10_250;
/** Where nobody listens (RFC 1078, by UDP never used): the peer's kernel says so, also while its agent hangs. */
const CLOSED_PORT = 1;

/** Enough that the agents' own probes do not matter in the counters of the devices. */
export const BURST = 40;
const BURST_GAP_MS = 10;

export interface Burst {
  readonly sent: number;
  readonly answered: number;
}

/**
 * Asks the agents of other nodes through the pod network, small and at full size, and answers theirs. What comes of
 * it decides whether pods may start here.
 */
export class Prober implements Service {
  readonly name = 'probes';
  readonly #clusterCidrs: readonly Cidr[];
  readonly #log: Log;
  readonly #onVerdict: () => void;
  readonly #wake = new Wake();
  readonly #peers = new ProbedPeers();
  readonly #answering = new Map<string, Socket>();
  #mtu = 0;
  #peerNodes = 0;
  #why: string | undefined;

  constructor(clusterCidrs: readonly Cidr[], log: Log, onVerdict: () => void) {
    this.#clusterCidrs = clusterCidrs;
    this.#log = log;
    this.#onVerdict = onVerdict;
  }

  /** Why no pod should start here now; undefined as long as nothing speaks against it. */
  get whyBroken(): string | undefined {
    return this.#why;
  }

  get results(): ProbeResult[] {
    return this.#peers.results;
  }

  /** Takes over what the network has just been brought to. */
  update(facts: PassFacts): void {
    this.#mtu = facts.mtu;
    this.#peers.update(facts);
    if (this.#peerNodes === 0 && facts.peerNodes > 0) this.#wake.now();
    this.#peerNodes = facts.peerNodes;
  }

  async start(signal: AbortSignal): Promise<void> {
    try {
      let next = performance.now() + spread(PERIOD_MS);
      while (!signal.aborted) {
        const left = Math.max(0, next - performance.now());
        const broken = this.#peers.broken();
        const pause = broken.length === 0 ? left : Math.min(left, spread(BROKEN_PERIOD_MS));
        const rung = await this.#wake.wait(pause, signal);
        if (signal.aborted) return;
        const due = rung !== undefined || performance.now() >= next;
        if (due) next = performance.now() + spread(PERIOD_MS);
        await this.#round(due ? this.#peers.next() : broken, signal);
      }
    } finally {
      for (const socket of this.#answering.values()) socket.close();
      this.#answering.clear();
    }
  }

  /** Probes one peer many times at once, for whoever looks for a fault. @returns undefined for an unknown peer */
  async burst(node: string, family: Family): Promise<Readonly<Record<ProbeSize, Burst>> | undefined> {
    const way = this.#peers.wayTo(node, family);
    if (way === undefined) return undefined;
    return { small: await this.#burst(way, 'small'), full: await this.#burst(way, 'full') };
  }

  async #burst(way: PeerWay, size: ProbeSize): Promise<Burst> {
    const probes = Array.from({ length: BURST }, async (_, index) => {
      await sleep(index * BURST_GAP_MS);
      return await probe(addressesOf(way), this.#bytes(size), TIMEOUT_MS);
    });
    const times = (await Promise.all(probes)).filter((ms) => ms !== undefined);
    return { sent: BURST, answered: times.length };
  }

  /** Of the whole IP packet. */
  #bytes(size: ProbeSize): number {
    return size === 'small' ? SMALL_BYTES : this.#mtu;
  }

  async #round(peers: readonly ProbedPeer[], signal: AbortSignal): Promise<void> {
    await this.#answer(new Set(this.#peers.all.map(({ way }) => way.from)));
    await Promise.all(peers.map(async (peer) => await this.#probePeer(peer, signal)));
    if (signal.aborted) return;
    const whys = FAMILIES.map((family) => whyPathBroken(this.#peers.states(family)));
    const why = whys.find((one) => one !== undefined);
    const before = this.#why;
    this.#why = why;
    if (why === before) return;
    if (why !== undefined) this.#log('error', why, { service: this.name });
    else this.#log('info', 'the pod network answers again', { service: this.name });
    this.#onVerdict();
  }

  /** Opens what is missing; an address that is not there yet is tried again with the next round. */
  async #answer(addresses: ReadonlySet<string>): Promise<void> {
    for (const [address, socket] of this.#answering) {
      if (addresses.has(address)) continue;
      socket.close();
      this.#answering.delete(address);
    }
    const mayAsk = (asker: string): boolean => this.#clusterCidrs.some((cidr) => contains(cidr, asker));
    for (const address of addresses) {
      if (this.#answering.has(address)) continue;
      try {
        const socket = await answerProbes(address, AGENT_PORT, mayAsk);
        this.#answering.set(address, socket);
        socket.once('error', () => {
          socket.close();
          this.#answering.delete(address);
        });
      } catch (error) {
        this.#log('warn', `probes are not answered: ${messageOf(error)}`, { service: this.name });
      }
    }
  }

  async #probePeer(peer: ProbedPeer, signal: AbortSignal): Promise<void> {
    const { way, series } = peer;
    const received = await receivedPackets(way.device);
    const answeredBefore = series.small.answered;
    let answer: Promise<boolean> | undefined;
    const host = (): Promise<boolean> => {
      answer ??= hostAnswers(way.hostAddress, KUBELET_PORT, TIMEOUT_MS);
      return answer;
    };
    const lost = await this.#firstLost(peer, host, signal);
    if (signal.aborted) return;
    const state = judgePeer({
      lost,
      hostAnswers: lost === undefined || (await host()),
      answeredBefore,
      somethingCame: lost !== undefined && (await receivedPackets(way.device)) !== received,
    });
    this.#tell(peer, state);
    peer.state = state;
    peer.probedAt = new Date();
  }

  /** The first size of which nothing is answered; undefined when both are. */
  async #firstLost(
    { way, series, state }: ProbedPeer,
    host: () => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<ProbeSize | undefined> {
    const silent = state === undefined || state.state === 'unknown';
    const socket = await ProbeSocket.open(addressesOf(way));
    try {
      for (const size of PROBE_SIZES)
        if (!(await this.#reaches(way, size, { socket, series: series[size], silent, host, signal })))
          return size;
      return undefined;
    } finally {
      socket?.close();
    }
  }

  async #reaches(way: PeerWay, size: ProbeSize, around: Tries): Promise<boolean> {
    const { socket, series, silent, host, signal } = around;
    for (let tries = 0; tries < TRIES && !signal.aborted; tries += 1) {
      if (silent && tries === TRIES_OF_SILENT && !(await host())) return false;
      const rttMs = await socket?.ask(this.#bytes(size), TIMEOUT_MS);
      series.add(rttMs);
      if (rttMs !== undefined) return true;
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
    const closed = { ...addressesOf(way), port: CLOSED_PORT };
    for (let tries = 0; tries < TRIES / 2 && !signal.aborted; tries += 1)
      if ((await probe(closed, this.#bytes(size), TIMEOUT_MS)) !== undefined) return true;
    return false;
  }

  #tell({ way, state: before }: ProbedPeer, state: PeerState): void {
    if (before?.state === state.state || (before === undefined && state.state === 'reached')) return;
    const fields = { service: this.name, peer: way.node, address: way.hostAddress, target: way.target };
    if (state.state === 'reached') this.#log('info', 'peer answers', fields);
    else if (state.state === 'broken')
      this.#log('warn', `peer does not answer through the pod network at ${state.size} size`, fields);
    else this.#log('warn', `peer does not answer: ${state.why}`, fields);
  }
}

/** So that the nodes of a cluster do not all ask at one moment. */
function spread(periodMs: number): number {
  return periodMs * (0.8 + 0.4 * Math.random());
}

interface Tries {
  readonly socket: ProbeSocket | undefined;
  readonly series: ProbeSeries;
  /** Whether the last round, if there was one, reached nobody there. */
  readonly silent: boolean;
  /** Whether the peer's host answers; asked once a round. */
  readonly host: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

function addressesOf({ from, target }: PeerWay): ProbeWay {
  return { from, to: target, port: AGENT_PORT };
}

/** Packets that a device has received; empty where there is no such device. */
async function receivedPackets(device: string): Promise<string> {
  return await readFile(`/sys/class/net/${device}/statistics/rx_packets`, 'utf8').catch(() => '');
}
