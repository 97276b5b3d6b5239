import { overlaps } from '../config/cidr.ts';
import { FAMILY, type Family } from '../config/family.ts';
import { type Actual, type FamilyState, isOurs } from './actual.ts';
import {
  type Desired,
  desiredNetwork,
  type FamilyNetwork,
  type NetworkPlan,
  ROUTE_PROTOCOL,
} from './desired.ts';
import { type Difference, difference, type StepKind } from './diff.ts';
import type { ActualRoute } from './entries.ts';
import type { NodeFacts } from './node-facts.ts';
import type { Peer } from './peers.ts';
import type { Pass } from './reconcile.ts';

/** What a change of other Nodes alone asks for. */
const OF_PEERS: readonly StepKind[] = ['route', 'neighbour', 'fdb'];
/** Of more changed Nodes at once, all are computed again. */
const FEW = 16;

/**
 * What changed Nodes ask for, beside what the last look found: the kernel, of which thousands of entries would be
 * read to change one, is not asked. That what was found is still so is for kernel events and the next look to tell.
 * @param before the last pass, whose steps were made; its pod CIDR, addresses and settings must still hold. What it
 *   wanted is changed in place where only few Nodes have changed: to copy thousands for one would cost more than all else
 * @returns undefined when more is asked for than entries of peers
 */
export function followNodes(
  plan: NetworkPlan,
  nodes: ReadonlyMap<string, NodeFacts>,
  before: Pass,
): Pass | undefined {
  return followFew(plan, nodes, before) ?? followAll(plan, nodes, before);
}

function followAll(plan: NetworkPlan, nodes: ReadonlyMap<string, NodeFacts>, before: Pass): Pass | undefined {
  const planned = desiredNetwork(nodes.values(), plan, before.facts, before.claims);
  const found = difference(planned.desired, withEntries(before.actual, before.desired));
  if (!isOfPeers(found)) return undefined;
  return { ...before, ...planned, ...found, nodes: new Map(nodes), followed: false };
}

/** The same for a few Nodes that share nothing with any other: theirs is computed alone. Undefined for all else. */
function followFew(plan: NetworkPlan, nodes: ReadonlyMap<string, NodeFacts>, before: Pass): Pass | undefined {
  const own = nodes.get(plan.nodeName);
  const changed = changedNames(before.nodes, nodes);
  if (own === undefined || changed === undefined || changed.has(plan.nodeName)) return undefined;
  if (before.refusals.length > 0 || before.conflicts.length > 0) return undefined;
  const of = (all: ReadonlyMap<string, NodeFacts>): NodeFacts[] =>
    [...changed].flatMap((name) => all.get(name) ?? []);
  const desire = (some: readonly NodeFacts[]): ReturnType<typeof desiredNetwork> =>
    desiredNetwork([own, ...some], plan, before.facts, before.claims);
  const [was, is] = [desire(of(before.nodes)), desire(of(nodes))];
  if (is.refusals.length > 0 || shareWithOthers(of(nodes), nodes, changed, before)) return undefined;
  const found = difference(is.desired, withEntries(before.actual, was.desired));
  if (found.conflicts.length > 0 || !isOfPeers(found)) return undefined;
  for (const network of before.desired.networks)
    change(network, networkOf(was.desired, network), networkOf(is.desired, network));
  replace(before.nodes, changed, nodes);
  return { ...before, ...found, peers: before.peers - was.peers + is.peers, followed: true };
}

function networkOf(
  { networks }: Desired,
  { family }: Pick<FamilyNetwork, 'family'>,
): FamilyNetwork | undefined {
  return networks.find((one) => one.family === family);
}

/** Puts the entries that a few peers have now in place of those that they had. */
function change(network: FamilyNetwork, was: FamilyNetwork | undefined, is: FamilyNetwork | undefined): void {
  for (const part of ['peers', 'routes', 'neighbours', 'fdb'] as const) {
    const entries: Map<string, unknown> = network[part];
    for (const key of was?.[part].keys() ?? []) entries.delete(key);
    for (const [key, value] of is?.[part] ?? []) entries.set(key, value);
  }
}

function replace(
  before: Map<string, NodeFacts>,
  changed: ReadonlySet<string>,
  now: ReadonlyMap<string, NodeFacts>,
): void {
  for (const name of changed) {
    const facts = now.get(name);
    if (facts === undefined) before.delete(name);
    else before.set(name, facts);
  }
}

function isOfPeers({ blocked, steps }: Difference): boolean {
  return !blocked && steps.every(({ kind }) => OF_PEERS.includes(kind));
}

/** Undefined for more than a few. */
function changedNames(
  before: ReadonlyMap<string, NodeFacts>,
  now: ReadonlyMap<string, NodeFacts>,
): ReadonlySet<string> | undefined {
  const changed = new Set<string>();
  for (const facts of now.values()) {
    if (before.get(facts.name) !== facts) changed.add(facts.name);
    if (changed.size > FEW) return undefined;
  }
  for (const name of before.keys()) if (!now.has(name)) changed.add(name);
  return changed.size > FEW ? undefined : changed;
}

/**
 * Whether a Node that has not changed has, or claims, what one of these claims.
 * @param before without refusals: what a Node claims, it has
 */
function shareWithOthers(
  some: readonly NodeFacts[],
  nodes: ReadonlyMap<string, NodeFacts>,
  changed: ReadonlySet<string>,
  { desired, claims }: Pass,
): boolean {
  return desired.networks.some(({ family, peers }) => {
    const news = some.flatMap((node) => {
      const claim = claims[family].get(node);
      return claim === undefined || claim instanceof Error ? [] : [claim];
    });
    return news.some((claim) => {
      for (const peer of peers.values()) if (!changed.has(peer.name) && shares(peer, claim)) return true;
      for (const { name, internalIps } of nodes.values())
        if (internalIps.includes(claim.publicIp) && !changed.has(name)) return true;
      return false;
    });
  });
}

function shares(a: Peer, b: Peer): boolean {
  if (a.publicIp === b.publicIp || (b.mac !== undefined && a.mac === b.mac)) return true;
  return a.podCidr.prefix === b.podCidr.prefix
    ? a.podCidr.text === b.podCidr.text
    : overlaps(a.podCidr, b.podCidr);
}

/** The kernel with just these entries of peers, but for routes that another program's are in the way of. */
function withEntries(actual: Actual, { networks }: Desired): Actual {
  const states = networks.flatMap((network): [Family, FamilyState][] => {
    const state = actual.networks.get(network.family);
    return state === undefined ? [] : [[network.family, stateWithEntries(state, network)]];
  });
  return { ...actual, networks: new Map(states) };
}

function stateWithEntries(
  state: FamilyState,
  { family, routes, neighbours, fdb }: FamilyNetwork,
): FamilyState {
  const { metric: usual } = FAMILY[family];
  const foreign = state.routes.filter((route) => !isOurs(route));
  const taken = new Set(foreign.flatMap(({ dst, metric }) => (metric <= usual ? [dst] : [])));
  const ours = [...routes].flatMap(([dst, { gateway, device }]): ActualRoute[] =>
    taken.has(dst) ? [] : [{ dst, gateway, device, protocol: ROUTE_PROTOCOL, metric: usual }],
  );
  return {
    ...state,
    routes: [...foreign, ...ours],
    neighbours,
    fdb: [...fdb].map(([mac, dst]) => ({ mac, dst })),
  };
}
