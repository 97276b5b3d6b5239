import type { JoinSettings, NetworkSettings } from '../config/settings.ts';
import type { NodeContext } from '../node/context.ts';

/** What the cluster says of itself to a node that joins. */
export interface Cluster {
  readonly server: string;
  readonly caPem: string;
  readonly kubernetesVersion: string;
  readonly kubeletConfiguration: Record<string, unknown>;
  /** Undefined in a cluster whose network is not kadm's. */
  readonly network: (NetworkSettings & { readonly podCidrs: readonly string[] }) | undefined;
}

/** What the phases of join share. */
export interface JoinContext extends NodeContext {
  readonly settings: JoinSettings;
  /** Filled by the phase discovery, on which all that use it depend. */
  readonly cluster: Discovered;
}

/** The one thing that a phase of join learns for the others. */
export class Discovered {
  #cluster: Cluster | undefined;

  set(cluster: Cluster): void {
    this.#cluster = cluster;
  }

  /** @throws Error when asked before discovery, which is a fault in the table of phases. */
  get(): Cluster {
    if (this.#cluster === undefined) throw new Error('the cluster is asked for before it was discovered');
    return this.#cluster;
  }
}
