import { batches } from '../cni/apply.ts';
import { writeConflist } from '../cni/conflist.ts';
import { type NodeFacts, nodeFacts } from '../cni/node-facts.ts';
import { look, type Pass, reconcile } from '../cni/reconcile.ts';
import { UserError } from '../errors.ts';
import { LocalHost } from '../host/host.ts';
import type { KubeClient } from '../kube/client.ts';
import { clientAs, ensureIdentity } from './identity.ts';
import type { Log } from './log.ts';
import { type AgentSettings, networkOf } from './settings.ts';

export interface OnceOptions {
  /** Say what would be done, and do nothing. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/**
 * One comparison of the cluster's Nodes with this host's kernel, without staying.
 * @returns the plan, as text: each program that is run, and what it gets
 * @throws UserError when this node has no pod CIDR yet
 */
export async function runOnce(
  settings: AgentSettings,
  { dryRun, signal, log }: OnceOptions,
): Promise<string> {
  const identity = await ensureIdentity(settings, signal, log);
  if (identity === undefined) throw new UserError('interrupted before this agent had a certificate');
  const client = await clientAs(identity, settings);
  try {
    const network = networkOf(settings);
    const host = new LocalHost();
    const nodes = await readNodes(client, network.nodeName, signal);
    const pass = await (dryRun ? look : reconcile)(host, network, nodes);
    if (pass === undefined) {
      throw new UserError(`Node ${network.nodeName} has no pod CIDR yet`, {
        remedy: 'see that the controller manager runs, and that the kubelet has registered this node',
      });
    }
    if (!dryRun && pass.lacking === undefined) {
      const podCidrs = pass.podCidrs.map(({ text }) => text);
      await writeConflist(host, { podCidrs, mtu: pass.desired.podMtu });
    }
    return describe(pass);
  } finally {
    client.close();
  }
}

async function readNodes(
  client: KubeClient,
  own: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, NodeFacts>> {
  const nodes = new Map<string, NodeFacts>();
  for await (const page of client.pages('/api/v1/nodes', {}, signal)) {
    for (const item of page.items) {
      const facts = nodeFacts(item, own);
      nodes.set(facts.name, facts);
    }
  }
  return nodes;
}

/** The plan as a person reads it. */
export function describe({ steps, conflicts, warnings, lacking, refusals, peers }: Pass): string {
  const plan = batches(steps).flatMap(({ argv, input }) => [
    argv.join(' '),
    ...(input ?? '').split('\n').flatMap((line) => (line === '' ? [] : [`  ${line}`])),
  ]);
  return [
    `${counted(peers, 'peer')}; ${steps.length === 0 ? 'everything is in place' : counted(steps.length, 'step')}`,
    ...plan,
    ...warnings,
    ...(lacking === undefined ? [] : [`pods may not start: ${lacking}`]),
    ...conflicts.map((conflict) => `in the way: ${conflict}`),
    ...refusals.map(({ node, reason }) => `left out: ${node}: ${reason}`),
  ].join('\n');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
