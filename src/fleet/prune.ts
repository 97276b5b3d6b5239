import type { Emit } from '../phases/events.ts';
import type { SshTarget } from '../ssh/target.ts';
import type { FleetHost } from './fleet-host.ts';
import { type HostResult, onEachHost, throwFailures } from './hosts.ts';
import type { ClusterNode } from './nodes.ts';
import type { Reception } from './reception.ts';
import { type RemoteOptions, runVerbOnHost } from './run-verb.ts';

/**
 * Nodes of the cluster that belong to no host of the file. A control plane is never among them.
 * @param names of the nodes that the hosts of the file are, as far as they told
 */
export function removedNodes(
  all: readonly ClusterNode[],
  names: readonly string[],
  workers: readonly FleetHost[],
): ClusterNode[] {
  const known = new Set(names);
  for (const { entry, target } of workers) {
    for (const name of [entry.nodeName, entry.nodeIP, entry.address, target.host]) if (name) known.add(name);
  }
  return all.filter(
    ({ name, addresses, master }) => !master && ![name, ...addresses].some((one) => known.has(one)),
  );
}

/**
 * Takes nodes out of the cluster: drained, the host reset, the Node deleted. Where that was not asked for, they are
 * only told.
 * @throws UserError with a line for each node that is still there
 */
export async function prune(
  removed: readonly ClusterNode[],
  reception: Reception,
  run: {
    readonly prune: boolean;
    readonly targetOf: (node: ClusterNode) => SshTarget;
    readonly remote: RemoteOptions;
    readonly emit: Emit;
  },
): Promise<HostResult[]> {
  if (removed.length === 0) return [];
  if (!run.prune) {
    const names = removed.map(({ name }) => name).join(', ');
    const message = `not in the file, and left as they are: ${names}; --prune takes them out of the cluster`;
    run.emit({ type: 'warning', path: [], message });
    return [];
  }
  const nodes = new Map(removed.map((node) => [node.name, node]));
  const results = await onEachHost([...nodes.keys()], { ...run, verb: 'prune' }, async (name, emit) => {
    const node = nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    emit({ type: 'progress', path: [], message: 'its pods move to other nodes' });
    await reception.drain(name);
    await runVerbOnHost(run.targetOf(node), run.remote, { argv: ['reset', '--force'], input: '', emit });
    await reception.forget(name);
    return 'it is no longer a node';
  });
  throwFailures(results, 'prune');
  return results;
}
