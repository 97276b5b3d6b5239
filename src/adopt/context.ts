import type { ClusterNetwork } from '../join/context.ts';
import type { KubeClient } from '../kube/client.ts';
import type { AgentNode } from '../node/agent.ts';
import type { NodeContext } from '../node/context.ts';

/** What is found out of a node that something else than kadm made. */
export interface AdoptedNode {
  readonly name: string;
  /** The address of this node in the cluster, or two with a comma between them. */
  readonly ip: string;
  readonly role: AgentNode['role'];
  /** URL of the API server, as the kubelet here reaches it. */
  readonly server: string;
  readonly caPem: string;
  readonly network: ClusterNetwork;
  /** On a control plane: further names of the API server, which no other node may ask a certificate for. */
  readonly apiNames: readonly string[];
}

/** What the phases of adopt share. */
export interface AdoptContext extends NodeContext {
  /** What a control plane shall make the cluster's network, where it has none of kadm's yet. */
  readonly networkSettings: Omit<ClusterNetwork, 'podCidrs' | 'serviceCidrs'>;
  /** The cluster as its administrator; on control planes only. */
  readonly admin: () => Promise<KubeClient>;
  /** Filled by the phase read-node, on which all that use it depend. */
  readonly node: FoundNode;
}

/** The one thing that a phase of adopt learns for the others. */
export class FoundNode {
  #node: AdoptedNode | undefined;

  set(node: AdoptedNode): void {
    this.#node = node;
  }

  /** @throws Error when asked before it was read, which is a fault in the table of phases */
  get(): AdoptedNode {
    if (this.#node === undefined) throw new Error('the node is asked for before it was read');
    return this.#node;
  }
}
