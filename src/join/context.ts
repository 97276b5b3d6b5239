import type { ImageNames } from '../config/image-names.ts';
import type { JoinSettings } from '../config/join-settings.ts';
import type { NetworkSettings } from '../config/networks.ts';
import type { NodeContext } from '../node/context.ts';
import type { ApiCredentials } from '../pki/kubeconfig.ts';

export interface ClusterNetwork extends NetworkSettings {
  readonly podCidrs: readonly string[];
  readonly serviceCidrs: readonly string[];
}

/** What the cluster says of itself to a node that joins. */
export interface Cluster {
  /** What this host was told to join it as. */
  readonly settings: JoinSettings;
  readonly server: string;
  readonly caPem: string;
  /** Who this host is to the API before it has a certificate of its own. */
  readonly access: ApiCredentials;
  readonly kubernetesVersion: string;
  readonly images: ImageNames;
  /** The ClusterConfiguration of the ConfigMap kubeadm-config, as it is. */
  readonly clusterConfiguration: string;
  readonly kubeletConfiguration: Record<string, unknown>;
  /** This node's addresses, of each family of the cluster. */
  readonly nodeIP: string;
  /** Undefined in a cluster whose network is not kadm's. */
  readonly network: ClusterNetwork | undefined;
}

/** What the phases of join share. */
export interface JoinContext extends NodeContext {
  /** Which cluster to join, and as what; said at the start, or while the host is being prepared. */
  readonly assignment: () => Promise<JoinSettings>;
  /** Where a host that joins as a control plane is to serve the API; undefined for a worker. */
  readonly controlPlane: { readonly apiPort: number } | undefined;
  /** Filled by the phase discovery, on which all that use it depend. */
  readonly cluster: Discovered;
}

/** The one thing that a phase of join learns for the others. */
export class Discovered {
  #cluster: Cluster | undefined;

  set(cluster: Cluster): void {
    this.#cluster = cluster;
  }

  get found(): Cluster | undefined {
    return this.#cluster;
  }

  /** @throws Error when asked before discovery, which is a fault in the table of phases. */
  get(): Cluster {
    if (this.#cluster === undefined) throw new Error('the cluster is asked for before it was discovered');
    return this.#cluster;
  }
}
