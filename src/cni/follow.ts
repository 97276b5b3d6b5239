import type { Host } from '../host/host.ts';
import { type Actual, type ActualRoute, isOurs } from './actual.ts';
import { applySteps } from './apply.ts';
import { type Desired, desiredNetwork, type NetworkPlan, ROUTE_PROTOCOL } from './desired.ts';
import { difference, type StepKind } from './diff.ts';
import type { NodeFacts } from './node-facts.ts';
import type { Pass } from './reconcile.ts';

/** What a change of other Nodes alone asks for. */
const OF_PEERS: readonly StepKind[] = ['route', 'neighbour', 'fdb'];

/**
 * What changed Nodes ask for, beside what the last look found: the kernel, of which thousands of entries would be
 * read to change one, is not asked. That what was found is still so is for kernel events and the next look to tell.
 * @param before the last pass; its pod CIDR, addresses and settings must still hold
 * @returns undefined when more is asked for than entries of peers
 */
export function followNodes(
  plan: NetworkPlan,
  nodes: ReadonlyMap<string, NodeFacts>,
  before: Pass,
): Pass | undefined {
  const planned = desiredNetwork(nodes.values(), plan, before.facts, before.claims);
  const found = difference(planned.desired, before.actual);
  if (found.blocked || found.steps.some(({ kind }) => !OF_PEERS.includes(kind))) return undefined;
  return { ...before, ...planned, ...found };
}

/** Makes the steps of such a pass. @throws CommandError for steps that the kernel refused */
export async function applyFollowed(host: Host, pass: Pass): Promise<Pass> {
  await applySteps(host, pass.steps);
  return { ...pass, actual: afterwards(pass.actual, pass.desired) };
}

/** The kernel with a peer's entries as wanted, and all else as it was. */
function afterwards(actual: Actual, { routes, neighbours, fdb }: Desired): Actual {
  const foreign = actual.routes.filter((route) => !isOurs(route));
  const taken = new Set(foreign.flatMap(({ dst, metric }) => (metric === 0 ? [dst] : [])));
  const ours = [...routes].flatMap(([dst, { gateway, device }]): ActualRoute[] =>
    taken.has(dst) ? [] : [{ dst, gateway, device, protocol: ROUTE_PROTOCOL, metric: 0 }],
  );
  return {
    ...actual,
    routes: [...foreign, ...ours],
    neighbours,
    fdb: [...fdb].map(([mac, dst]) => ({ mac, dst })),
  };
}
