import { isDeepStrictEqual } from 'node:util';
import { type Cidr, contains, overlaps, parseCidr } from '../config/cidr.ts';
import { FAMILY, type Family, familyOf } from '../config/family.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { addressTowards } from '../host/network.ts';
import { type Actual, type FamilyState, type HostInterface, isOurs, readKernel } from './actual.ts';
import { applySteps, nameStep } from './apply.ts';
import { unpluggedPods } from './bridge-ports.ts';
import {
  type Desired,
  desiredNetwork,
  type FamilyClaims,
  type HostFacts,
  type NetworkPlan,
  noClaims,
  type Underlay,
} from './desired.ts';
import { type Difference, difference } from './diff.ts';
import type { NodeFacts, OwnStatus } from './node-facts.ts';
import type { Refusal } from './peers.ts';
import { findUnderlay } from './underlay.ts';

export interface NodeNetwork extends NetworkPlan {
  /** This node's addresses as set, one of a family at most; those of its Node come after them. */
  readonly nodeIPs: readonly string[];
}

/** What one look at Nodes and kernel yields. */
export interface Pass extends Difference {
  readonly desired: Desired;
  readonly podCidrs: readonly Cidr[];
  /** Why pods would have no network in one of their families; undefined where they have it in all. */
  readonly lacking: string | undefined;
  readonly refusals: readonly Refusal[];
  readonly peers: number;
  /** What works, but not as it was meant, in words for a log. */
  readonly warnings: readonly string[];
  /** The kernel as it was found last, but for the entries of peers. */
  readonly actual: Actual;
  /** What it was planned with, and what was found of the Nodes: for a pass that follows, which changes it in place. */
  readonly nodes: Map<string, NodeFacts>;
  /** Whether a part of it was planned alone, beside what was planned before. */
  readonly followed: boolean;
  readonly facts: HostFacts;
  readonly claims: FamilyClaims;
}

/** What need not be found again. */
export interface Known {
  /** The last pass. */
  readonly before?: Pass | undefined;
  /** Those of the pass before, when left out. */
  readonly claims?: FamilyClaims;
}

/** Shown at most, of steps that did not hold. */
const SHOWN_STEPS = 3;

/**
 * Compares what the Nodes ask for with what the kernel has; changes nothing. Undefined as long as this node
 * has no Node or no pod CIDR yet.
 * @param known of earlier passes with the same settings
 * @throws UserError when none of the node's addresses is on any of its interfaces, or a pod CIDR is not the cluster's
 */
export async function look(
  host: Host,
  network: NodeNetwork,
  nodes: ReadonlyMap<string, NodeFacts>,
  { before, claims = before?.claims ?? noClaims() }: Known = {},
): Promise<Pass | undefined> {
  const own = nodes.get(network.nodeName);
  const podCidrs = own === undefined ? [] : ownPodCidrs(own, network);
  if (own?.own === undefined || podCidrs.length === 0) return undefined;
  const families = podCidrs.map(({ family }) => family);
  const kernel = await readKernel(host, families, network);
  const { interfaces } = kernel;
  const { underlays, warnings, lacking } = await underlaysOf(host, network, own.own, {
    families,
    interfaces,
  });
  const facts: HostFacts = { podCidrs, underlays, addresses: hostAddresses(interfaces, network) };
  const same = isDeepStrictEqual(before?.facts, facts) ? before : undefined;
  const planned = sameNodes(same, nodes) ?? plan(nodes, network, facts, claims);
  const unplugged = await unpluggedPods(host, interfaces);
  const actual: Actual = { ...kernel, unplugged };
  const found = difference(planned.desired, actual);
  return { ...planned, ...found, podCidrs, lacking, warnings, actual: withoutEntries(actual), facts };
}

type Planned = Pick<Pass, 'desired' | 'refusals' | 'peers' | 'nodes' | 'claims' | 'followed'>;

function plan(
  all: ReadonlyMap<string, NodeFacts>,
  network: NodeNetwork,
  facts: HostFacts,
  claims: FamilyClaims,
): Planned {
  // Nodes go on changing.
  const nodes = new Map(all);
  return { ...desiredNetwork(nodes.values(), network, facts, claims), nodes, claims, followed: false };
}

/** What was planned before, where it was planned as a whole, and with just these Nodes. */
function sameNodes(before: Pass | undefined, now: ReadonlyMap<string, NodeFacts>): Planned | undefined {
  if (before === undefined || before.followed || before.nodes.size !== now.size) return undefined;
  // Seen again after the steps they are the very same.
  if (before.nodes !== now)
    for (const facts of now.values()) if (before.nodes.get(facts.name) !== facts) return undefined;
  return before;
}

/**
 * Addresses that no other node may announce. Those that no node may are not among them: in the pod network, which our
 * own devices have, and on one link, which come and go with pods.
 */
function hostAddresses(interfaces: readonly HostInterface[], { clusterCidrs }: NetworkPlan): string[] {
  return interfaces.flatMap(({ addresses }) =>
    addresses.flatMap(({ address }) =>
      address.startsWith('fe80:') || clusterCidrs.some((cidr) => contains(cidr, address)) ? [] : [address],
    ),
  );
}

/** Of thousands of entries of ours nothing is kept: they are then as they are wanted. */
function withoutEntries(actual: Actual): Actual {
  const networks = [...actual.networks].map(([family, state]): [Family, FamilyState] => [
    family,
    { ...state, routes: state.routes.filter((route) => !isOurs(route)), neighbours: new Map(), fdb: [] },
  ]);
  return { ...actual, networks: new Map(networks) };
}

interface Underlays {
  readonly underlays: ReadonlyMap<Family, Underlay>;
  readonly warnings: readonly string[];
  readonly lacking: string | undefined;
}

/** Of two families, the one that has its address goes on without the other. */
async function underlaysOf(
  host: Host,
  { nodeIPs }: NodeNetwork,
  own: OwnStatus,
  {
    families,
    interfaces,
  }: { readonly families: readonly Family[]; readonly interfaces: readonly HostInterface[] },
): Promise<Underlays> {
  const underlays = new Map<Family, Underlay>();
  const warnings: string[] = [];
  const lacking: string[] = [];
  for (const family of families) {
    const wanted = findUnderlay(interfaces, family, own, nodeIPs);
    const underlay = wanted ?? (await presentUnderlay(host, family, interfaces));
    if (underlay !== undefined) underlays.set(family, underlay);
    if (wanted !== undefined) continue;
    const gone = `no interface has this node's ${FAMILY[family].name} address ${nodeIPOf(family, nodeIPs)}`;
    if (underlay === undefined) lacking.push(gone);
    else warnings.push(`${gone}: the pod network uses ${underlay.address} of ${underlay.device}`);
  }
  if (underlays.size > 0) return { underlays, warnings, lacking: lacking[0] };
  throw new UserError(lacking.join('; '), {
    remedy: 'give the address back, or correct nodeIP in the settings of the agent',
  });
}

function nodeIPOf(family: Family, nodeIPs: readonly string[]): string {
  return nodeIPs.find((address) => familyOf(address) === family) ?? '';
}

/**
 * Where an address was taken away, as DHCP does, the one with the default route serves until it is back: peers
 * follow what this node announces.
 */
async function presentUnderlay(
  host: Host,
  family: Family,
  interfaces: readonly HostInterface[],
): Promise<Underlay | undefined> {
  const address = await addressTowards(host, FAMILY[family].anywhere);
  return findUnderlay(interfaces, family, { addresses: [] }, address === undefined ? [] : [address]);
}

/** What is told while a pass goes on. */
export interface Told {
  /** What is wanted, before any of it is made. */
  readonly onPlanned?: (desired: Desired) => void;
  /** All steps were made; what comes after is to see that the kernel has kept them. */
  readonly onMade?: () => void;
}

/**
 * Makes the kernel what the Nodes ask for, and reads it again to see that it is.
 * @param known of earlier passes with the same settings
 * @throws UserError where another program has a device that is needed
 * @throws CommandError for steps that the kernel refused, Error when the kernel does not have what was made
 */
export async function reconcile(
  host: Host,
  network: NodeNetwork,
  nodes: ReadonlyMap<string, NodeFacts>,
  known: Known = {},
  tell: Told = {},
): Promise<Pass | undefined> {
  const pass = await look(host, network, nodes, known);
  if (pass?.blocked) throw new UserError(pass.conflicts.join('; '), { exitCode: EXIT.preflight });
  if (pass === undefined) return pass;
  tell.onPlanned?.(pass.desired);
  if (pass.steps.length === 0) return pass;
  await applySteps(host, pass.steps);
  tell.onMade?.();
  const after = await look(host, network, pass.nodes, { before: pass });
  if (after !== undefined && after.steps.length > 0) {
    const shown = after.steps.slice(0, SHOWN_STEPS).map((step) => nameStep(step));
    throw new Error(`the kernel has not kept ${after.steps.length} changes, such as: ${shown.join('; ')}`);
  }
  return { ...pass, actual: after?.actual ?? pass.actual };
}

function ownPodCidrs(node: NodeFacts, { clusterCidrs }: NetworkPlan): Cidr[] {
  // A Node may have one of a family that this network is not told to have.
  const families = new Set(clusterCidrs.map(({ family }) => family));
  const cidrs = node.podCidrs.map(parseCidr).filter(({ family }) => families.has(family));
  const foreign = cidrs.find((cidr) => !clusterCidrs.some((cluster) => overlaps(cluster, cidr)));
  if (foreign === undefined) return cidrs;
  throw new UserError(`this node's pod CIDR ${foreign.text} is not within the cluster's`, {
    remedy: 'delete the Node and join again, or correct podCidrs in the settings of the agent',
  });
}
