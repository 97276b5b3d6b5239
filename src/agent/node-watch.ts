import { noClaims, noteClaims } from '../cni/desired.ts';
import { type NodeFacts, nodeFacts } from '../cni/node-facts.ts';
import type { NodeNetwork } from '../cni/reconcile.ts';
import type { KubeClient } from '../kube/client.ts';
import { Informer, type Listed } from '../kube/informer.ts';

export interface NodeWatchHooks {
  /** @param ofOthers whether it is one other Node that changed: neither this one, nor all that there are */
  readonly onChange: (ofOthers: boolean) => void;
  /** Told of each failure to reach the API. */
  readonly onTrouble: (message: string) => void;
}

/** The Nodes of the cluster as they are now, as far as the pod network asks for them. */
export class NodeWatch {
  /** What Nodes claim, found while the others are still listed. */
  readonly claims = noClaims();
  readonly #client: KubeClient;
  readonly #network: NodeNetwork;
  readonly #hooks: NodeWatchHooks;
  #redial = new AbortController();
  #nodes: ReadonlyMap<string, NodeFacts> | undefined;

  /** @param network whose name, CIDRs and VNI count */
  constructor(client: KubeClient, network: NodeNetwork, hooks: NodeWatchHooks) {
    this.#client = client;
    this.#network = network;
    this.#hooks = hooks;
  }

  /** By name; undefined until they have been listed. The same map is changed by what comes later. */
  get nodes(): ReadonlyMap<string, NodeFacts> | undefined {
    return this.#nodes;
  }

  /** Follows them until the signal. */
  async start(signal: AbortSignal): Promise<void> {
    const { nodeName } = this.#network;
    while (!signal.aborted) {
      this.#redial = new AbortController();
      const informer = new Informer<Listed, NodeFacts>(this.#client, {
        path: '/api/v1/nodes',
        select: (node) => {
          const facts = nodeFacts(node, nodeName);
          noteClaims(facts, this.#network, this.claims);
          return facts;
        },
        onChange: (change) => {
          this.#nodes = informer.items;
          this.#hooks.onChange(change.type !== 'synced' && change.key !== nodeName);
        },
        onTrouble: this.#hooks.onTrouble,
        backoff: { firstMs: 100, maxMs: 10_000 },
      });
      await informer.start(AbortSignal.any([signal, this.#redial.signal]));
      if (!this.#redial.signal.aborted) return;
    }
  }

  /** Begins anew: from an address that this host has lost nothing comes back, nor an error. */
  redial(): void {
    this.#client.close();
    this.#redial.abort();
  }
}
