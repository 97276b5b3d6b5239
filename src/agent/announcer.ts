import type { NodeFacts } from '../cni/node-facts.ts';
import { messageOf } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { type Announced, announce, type NetworkState } from './announcement.ts';
import type { Log } from './log.ts';
import { Wake } from './wake.ts';

const RETRY_MS = 1_000;
/** Nothing is to be said again until something new is told. */
const IDLE_MS = 3_600_000;

interface News {
  readonly node: NodeFacts;
  readonly announced: Announced | undefined;
  readonly state: NetworkState;
}

/**
 * Keeps the Node saying what is true here. Beside the loop that repairs, and never waited for by it: an API
 * server that is away, or does not answer, must not keep a node from mending its own network.
 */
export class Announcer {
  readonly #client: Pick<KubeClient, 'patch'>;
  readonly #log: Log;
  readonly #wake = new Wake();
  #news: News | undefined;

  constructor(client: Pick<KubeClient, 'patch'>, log: Log) {
    this.#client = client;
    this.#log = log;
  }

  /** Said as soon as the API takes it; what was told before and not said yet no longer counts. */
  tell(node: NodeFacts, announced: Announced | undefined, state: NetworkState): void {
    this.#news = { node, announced, state };
    this.#wake.now();
  }

  async start(signal: AbortSignal): Promise<void> {
    let failed = false;
    while (!signal.aborted) {
      await this.#wake.wait(failed ? RETRY_MS : IDLE_MS, signal);
      if (signal.aborted || this.#news === undefined) continue;
      const { node, announced, state } = this.#news;
      try {
        await announce(this.#client, node, announced, state);
        failed = false;
      } catch (error) {
        if (!failed) this.#log('warn', `not announced: ${messageOf(error)}`, { service: 'network' });
        failed = true;
      }
    }
  }
}
