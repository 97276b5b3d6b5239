import { EXIT, UserError } from '../errors.ts';
import type { HostState } from '../ssh/host-state.ts';
import type { ClusterNode } from './nodes.ts';

/** What kubeadm and Kubernetes put up with is a minute; certificates are made to be valid at once. */
const MAX_CLOCK_OFFSET_S = 30;

/** What copies of one disk, or of one virtual machine, have in common. */
const IDENTITIES = [
  {
    what: 'machine-id',
    of: (state: HostState) => state.machineId,
    ofNode: (node: ClusterNode) => node.machineId,
    remedy: 'rm /etc/machine-id, then systemd-machine-id-setup',
  },
  {
    what: 'product UUID',
    of: (state: HostState) => state.productUuid,
    ofNode: (node: ClusterNode) => node.systemUuid,
    remedy: 'the hypervisor gives it: make the virtual machine anew, not as a copy',
  },
] as const;

/** What the hosts of one run have taken for themselves, which no other may have. */
export class Claims {
  readonly #names = new Map<string, string>();
  readonly #addresses = new Map<string, string>();
  readonly #identities = new Map<string, string>();

  /**
   * Takes a node's name and address for a host: two with the same would take each other's place in the cluster.
   * @throws UserError (preflight) when another host of this run has it
   */
  take(host: string, node: string, nodeIP?: string): void {
    claim(this.#names, node, host, `${host}: its node name would be ${node}`, 'give it another nodeName');
    if (nodeIP === undefined) return;
    const remedy = 'give it a nodeIP or an interface of its own';
    claim(this.#addresses, nodeIP, host, `${host}: its node IP would be ${nodeIP}`, remedy);
  }

  /** What is odd about a host, but no reason to leave it out. */
  oddities(host: string, state: HostState, nodes: readonly ClusterNode[]): string[] {
    const copies = IDENTITIES.flatMap(({ what, of, ofNode, remedy }) => {
      const identity = of(state)?.toLowerCase();
      if (identity === undefined) return [];
      const key = `${what} ${identity}`;
      const node = nodes.find((one) => ofNode(one)?.toLowerCase() === identity);
      const twin = this.#identities.get(key) ?? (node && `node ${node.name}`);
      this.#identities.set(key, host);
      return twin === undefined
        ? []
        : [`it has the ${what} of ${twin}, as copies of one machine have: ${remedy}`];
    });
    return [...copies, ...wrongClock(state)];
  }
}

function wrongClock({ clockOffsetMs = 0 }: HostState): string[] {
  const seconds = Math.round(Math.abs(clockOffsetMs) / 1000);
  if (seconds <= MAX_CLOCK_OFFSET_S) return [];
  const clock = `its clock is ${seconds} s ${clockOffsetMs > 0 ? 'ahead of' : 'behind'} the one here`;
  return [`${clock}: certificates and tokens may not be valid there; let chrony or systemd-timesyncd set it`];
}

/** @throws UserError (preflight) when another host has it */
function claim(
  owners: Map<string, string>,
  value: string,
  host: string,
  problem: string,
  remedy: string,
): void {
  const owner = owners.get(value) ?? host;
  owners.set(value, owner);
  if (owner === host) return;
  throw new UserError(`${problem}, which is that of ${owner}; nothing was changed`, {
    remedy,
    exitCode: EXIT.preflight,
  });
}

/** The nodes of a cluster that a host can get in the way of: not what is left of its own, of before a reset. */
export function othersThan(nodes: readonly ClusterNode[], name: string, state: HostState): ClusterNode[] {
  const isOwn = (node: ClusterNode): boolean =>
    node.name === name && state.machineId !== undefined && node.machineId === state.machineId;
  return nodes.filter((node) => !isOwn(node));
}

/** @throws UserError (preflight) when the cluster has a node of this name, or another one with this address */
export function refuseTaken(
  nodes: readonly ClusterNode[],
  host: string,
  node: string,
  nodeIP: string | undefined,
): void {
  if (nodes.some(({ name }) => name === node)) {
    throw new UserError(`${host}: the cluster has a node ${node} already; nothing was changed`, {
      remedy: `give this host another nodeName, or remove the old one: kubectl delete node ${node}`,
      exitCode: EXIT.preflight,
    });
  }
  const owner = nodes.find(({ addresses }) => nodeIP !== undefined && addresses.includes(nodeIP));
  if (owner === undefined) return;
  throw new UserError(
    `${host}: its node IP would be ${nodeIP}, which is that of node ${owner.name}; nothing was changed`,
    { remedy: 'give it a nodeIP or an interface of its own', exitCode: EXIT.preflight },
  );
}
