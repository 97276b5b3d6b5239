import { type Cidr, overlaps, parseCidr } from '../config/cidr.ts';
import { FAMILY, type Family, familyOf } from '../config/family.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { addressTowards } from '../host/network.ts';
import { type HostInterface, readActual, readInterfaces } from './actual.ts';
import { applySteps, nameStep } from './apply.ts';
import { type Desired, desiredNetwork, type NetworkPlan, type Underlay } from './desired.ts';
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
}

/** Shown at most, of steps that did not hold. */
const SHOWN_STEPS = 3;

/**
 * Compares what the Nodes ask for with what the kernel has; changes nothing. Undefined as long as this node
 * has no Node or no pod CIDR yet.
 * @throws UserError when none of the node's addresses is on any of its interfaces, or a pod CIDR is not the cluster's
 */
export async function look(
  host: Host,
  network: NodeNetwork,
  nodes: ReadonlyMap<string, NodeFacts>,
): Promise<Pass | undefined> {
  const own = nodes.get(network.nodeName);
  const podCidrs = own === undefined ? [] : ownPodCidrs(own, network);
  if (own?.own === undefined || podCidrs.length === 0) return undefined;
  const interfaces = await readInterfaces(host);
  const families = podCidrs.map(({ family }) => family);
  const { underlays, warnings, lacking } = await underlaysOf(host, network, own.own, {
    families,
    interfaces,
  });
  const addresses = interfaces.flatMap((one) => one.addresses.map(({ address }) => address));
  const planned = desiredNetwork(nodes.values(), network, { podCidrs, underlays, addresses });
  const actual = await readActual(host, planned.desired, interfaces);
  return { ...planned, podCidrs, lacking, warnings, ...difference(planned.desired, actual) };
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

/**
 * Makes the kernel what the Nodes ask for, and reads it again to see that it is.
 * @throws UserError where another program has a device that is needed
 * @throws CommandError for steps that the kernel refused, Error when the kernel does not have what was made
 */
export async function reconcile(
  host: Host,
  network: NodeNetwork,
  nodes: ReadonlyMap<string, NodeFacts>,
): Promise<Pass | undefined> {
  const pass = await look(host, network, nodes);
  if (pass?.blocked) throw new UserError(pass.conflicts.join('; '), { exitCode: EXIT.preflight });
  if (pass === undefined || pass.steps.length === 0) return pass;
  await applySteps(host, pass.steps);
  const after = await look(host, network, nodes);
  if (after !== undefined && after.steps.length > 0) {
    const shown = after.steps.slice(0, SHOWN_STEPS).map((step) => nameStep(step));
    throw new Error(`the kernel has not kept ${after.steps.length} changes, such as: ${shown.join('; ')}`);
  }
  return pass;
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
