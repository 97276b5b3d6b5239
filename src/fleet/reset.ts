import { UserError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { deleteNode } from '../kube/delete-node.ts';
import { drain } from '../kube/drain.ts';
import type { Emit } from '../phases/events.ts';
import type { SshTarget } from '../ssh/target.ts';
import { onEachTarget, throwFailures } from './hosts.ts';
import { clusterNodes } from './nodes.ts';
import { type RemoteOptions, runVerbOnHost } from './run-verb.ts';
import { DRAIN_TIMEOUT_MS } from './welcome.ts';

export interface FleetReset {
  readonly targets: readonly SshTarget[];
  readonly remote: RemoteOptions;
  /** The cluster as its administrator; undefined where this host has no cluster: then there is nothing to leave. */
  readonly client: KubeClient | undefined;
  readonly drain: boolean;
  /** Phases of the reset to leave out. */
  readonly skipPhases?: readonly string[];
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Takes hosts out of the cluster: the node is drained, the host reset, the Node deleted. */
export async function resetHosts(reset: FleetReset): Promise<void> {
  const skip = reset.skipPhases ?? [];
  const argv = ['reset', '--force', ...(skip.length === 0 ? [] : ['--skip-phases', skip.join(',')])];
  const results = await onEachTarget(
    reset.targets,
    { emit: reset.emit, verb: 'reset' },
    async (target, emit) => {
      const node = reset.client && (await nodeOf(reset.client, target.host));
      const progress = (message: string): void => emit({ type: 'progress', path: [], message });
      if (reset.client && node !== undefined && reset.drain) {
        await drain(reset.client, node, { timeoutMs: DRAIN_TIMEOUT_MS, progress, signal: reset.signal });
      }
      await runVerbOnHost(target, reset.remote, { argv, input: '', emit });
      if (reset.client && node !== undefined) await deleteNode(reset.client, node);
    },
  );
  throwFailures(results, 'reset');
}

/** The Node that has this host's name or address. */
async function nodeOf(client: KubeClient, host: string): Promise<string | undefined> {
  const nodes = await clusterNodes(client);
  const found = nodes.filter(({ name, addresses }) => name === host || addresses.includes(host));
  if (found.length > 1) {
    throw new UserError(
      `${host} is the address of more than one node: ${found.map(({ name }) => name).join(', ')}`,
      {
        remedy: 'name the host by its node name',
      },
    );
  }
  return found[0]?.name;
}
