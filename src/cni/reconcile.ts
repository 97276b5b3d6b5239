import { isDeepStrictEqual } from 'node:util';
import { type Cidr, overlaps, parseCidr } from '../config/cidr.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { addressTowards } from '../host/network.ts';
import { type Actual, type HostInterface, readActual, readInterfaces } from './actual.ts';
import { applySteps, nameStep } from './apply.ts';
import { type Desired, desiredNetwork, type HostFacts, type NetworkPlan, type Underlay } from './desired.ts';
import { type Difference, difference } from './diff.ts';
import type { NodeFacts, OwnStatus } from './node-facts.ts';
import type { Claims, Refusal } from './peers.ts';
import { findUnderlay } from './underlay.ts';

export interface NodeNetwork extends NetworkPlan {
  /** This node's address as set; its Node's internal address when left out. */
  readonly nodeIP: string | undefined;
}

/** What one look at Nodes and kernel yields. */
export interface Pass extends Difference {
  readonly desired: Desired;
  readonly podCidr: Cidr;
  readonly refusals: readonly Refusal[];
  readonly peers: number;
  /** What works, but not as it was meant, in words for a log. */
  readonly warnings: readonly string[];
  /** The kernel as it was found last: after the steps, where they were made. */
  readonly actual: Actual;
  /** What it was planned with, and what was found of the Nodes: for a pass that follows. */
  readonly nodes: Map<string, NodeFacts>;
  readonly facts: HostFacts;
  readonly claims: Claims;
}

/** Shown at most, of steps that did not hold. */
const SHOWN_STEPS = 3;

/**
 * Compares what the Nodes ask for with what the kernel has; changes nothing. Undefined as long as this node
 * has no Node or no pod CIDR yet.
 * @param before an earlier pass with the same settings
 * @throws UserError when the node's address is on none of its interfaces, or its pod CIDR is not the cluster's
 */
export async function look(
  host: Host,
  network: NodeNetwork,
  nodes: ReadonlyMap<string, NodeFacts>,
  before?: Pass,
): Promise<Pass | undefined> {
  const own = nodes.get(network.nodeName);
  const podCidr = own === undefined ? undefined : ownPodCidr(own, network);
  if (own?.own === undefined || podCidr === undefined) return undefined;
  const interfaces = await readInterfaces(host);
  const { underlay, warnings } = await underlayOf(host, network, own.own, interfaces);
  const addresses = interfaces.flatMap((one) => one.addresses.map(({ address }) => address));
  const facts: HostFacts = { podCidr, underlay, addresses };
  const claims = isDeepStrictEqual(before?.facts, facts) ? before?.claims : undefined;
  const known: Claims = claims ?? new WeakMap();
  // Nodes go on changing while the kernel is read.
  const planned = { ...desiredNetwork(nodes.values(), network, facts, known), nodes: new Map(nodes) };
  const actual = await readActual(host, planned.desired, interfaces);
  const found = difference(planned.desired, actual);
  return { ...planned, ...found, podCidr, warnings, actual, facts, claims: known };
}

/** An address for documentation (RFC 5737): nothing is sent there, it is only asked which way that would go. */
const ANYWHERE = '192.0.2.1';

/**
 * Where an address was taken away, as DHCP does, the one with the default route serves until it is back: peers
 * follow what this node announces.
 */
async function underlayOf(
  host: Host,
  { nodeIP }: NodeNetwork,
  own: OwnStatus,
  interfaces: readonly HostInterface[],
): Promise<{ readonly underlay: Underlay; readonly warnings: readonly string[] }> {
  const underlay = findUnderlay(interfaces, own, nodeIP);
  if (underlay !== undefined) return { underlay, warnings: [] };
  const present = findUnderlay(interfaces, { addresses: [] }, await addressTowards(host, ANYWHERE));
  const gone = `no interface has this node's address ${nodeIP ?? ''}`;
  if (present === undefined) {
    throw new UserError(gone, {
      remedy: 'give the address back, or correct nodeIP in the settings of the agent',
    });
  }
  return {
    underlay: present,
    warnings: [`${gone}: the pod network uses ${present.address} of ${present.device}`],
  };
}

/**
 * Makes the kernel what the Nodes ask for, and reads it again to see that it is.
 * @param before an earlier pass with the same settings
 * @param onPlanned told what is wanted before any of it is made
 * @throws UserError where another program has a device that is needed
 * @throws CommandError for steps that the kernel refused, Error when the kernel does not have what was made
 */
export async function reconcile(
  host: Host,
  network: NodeNetwork,
  nodes: ReadonlyMap<string, NodeFacts>,
  before?: Pass,
  onPlanned: (desired: Desired) => void = () => {},
): Promise<Pass | undefined> {
  const pass = await look(host, network, nodes, before);
  if (pass?.blocked) throw new UserError(pass.conflicts.join('; '), { exitCode: EXIT.preflight });
  if (pass === undefined) return pass;
  onPlanned(pass.desired);
  if (pass.steps.length === 0) return pass;
  await applySteps(host, pass.steps);
  const after = await look(host, network, pass.nodes, pass);
  if (after !== undefined && after.steps.length > 0) {
    const shown = after.steps.slice(0, SHOWN_STEPS).map((step) => nameStep(step));
    throw new Error(`the kernel has not kept ${after.steps.length} changes, such as: ${shown.join('; ')}`);
  }
  return { ...pass, actual: after?.actual ?? pass.actual };
}

function ownPodCidr(node: NodeFacts, { clusterCidrs }: NetworkPlan): Cidr | undefined {
  const cidr = node.podCidrs.map(parseCidr).find(({ family }) => family === 4);
  if (cidr === undefined || clusterCidrs.some((cluster) => overlaps(cluster, cidr))) return cidr;
  throw new UserError(`this node's pod CIDR ${cidr.text} is not within the cluster's`, {
    remedy: 'delete the Node and join again, or correct podCidrs in the settings of the agent',
  });
}
