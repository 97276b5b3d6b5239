import type { Cidr } from './cidr.ts';
import type { ExtraArg } from './control-plane.ts';
import { DEFAULTS } from './defaults.ts';
import { type Documents, networkSchema } from './schema.ts';
import { checkFamilies, checkSizes, checkVni, cidrs, firstIssue, refuseOverlap, usage } from './values.ts';
import { plainWords } from './wording.ts';

export interface NetworkSettings {
  readonly backend: 'vxlan' | 'host-gw' | 'auto' | 'none';
  readonly vni: number;
  /** UDP port of the tunnel. */
  readonly port: number;
  /** Whether CNI configurations that come before ours are moved aside. */
  readonly exclusive: boolean;
}

/** The networks of a cluster. */
export interface Networks {
  readonly podCidrs: readonly Cidr[];
  readonly serviceCidrs: readonly Cidr[];
  readonly network: NetworkSettings;
}

/** Flags that say something of networks. */
export interface NetworkFlags {
  readonly podNetworkCidr?: string;
  readonly serviceCidr?: string;
  readonly networkBackend?: string;
  readonly networkPort?: string;
  readonly networkVni?: string;
}

/**
 * The networks that flags and documents ask for.
 * @param address of the API server
 * @throws UserError (usage) for networks that cannot be together
 */
export function networksFrom(flags: NetworkFlags, documents: Documents, address: string): Networks {
  const cluster = documents.ClusterConfiguration;
  const pods = flags.podNetworkCidr ?? cluster?.networking?.podSubnet ?? DEFAULTS.podCidr;
  const services = flags.serviceCidr ?? cluster?.networking?.serviceSubnet ?? DEFAULTS.serviceCidr;
  const podCidrs = cidrs('--pod-network-cidr', pods);
  const serviceCidrs = cidrs('--service-cidr', services);
  refuseOverlap(podCidrs, serviceCidrs);
  checkFamilies(address, podCidrs, serviceCidrs);
  const controllerArgs = cluster?.controllerManager?.extraArgs ?? [];
  refuseMaskOfBoth(podCidrs, controllerArgs);
  checkSizes(podCidrs, serviceCidrs, nodeMaskFrom(controllerArgs));
  const network = networkSettings(flags, documents);
  if (network.backend !== 'none') checkVni(network.vni, podCidrs);
  return { podCidrs, serviceCidrs, network };
}

/** Flags are held to the schema of the document, whose fields they stand for. */
function networkSettings(flags: NetworkFlags, documents: Documents): NetworkSettings {
  const given = {
    backend: flags.networkBackend,
    port: numberOf(flags.networkPort),
    vni: numberOf(flags.networkVni),
  };
  const checked = networkSchema.safeParse(defined(given), { error: plainWords });
  if (checked.success) {
    return { ...DEFAULTS.network, ...defined(documents.Cluster?.spec.network), ...defined(checked.data) };
  }
  const field = String(checked.error.issues[0]?.path[0]) as keyof typeof given;
  const text = { backend: flags.networkBackend, port: flags.networkPort, vni: flags.networkVni }[field];
  throw usage(`--network-${field}: ${JSON.stringify(text)} ${firstIssue(checked.error)}`);
}

/** NaN for what is no number, which the schema refuses. */
function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** The prefix of a node's network that the controller manager is told. */
function nodeMaskFrom(extraArgs: readonly ExtraArg[]): (family: 4 | 6) => number | undefined {
  return (family) => {
    const names = ['node-cidr-mask-size', `node-cidr-mask-size-ipv${family}`];
    const given = extraArgs.findLast(({ name }) => names.includes(name))?.value;
    return given === undefined ? undefined : Number(given);
  };
}

/** The controller manager does not start with one prefix for two families. @throws UserError (usage) */
function refuseMaskOfBoth(podCidrs: readonly Cidr[], extraArgs: readonly ExtraArg[]): void {
  if (podCidrs.length < 2 || !extraArgs.some(({ name }) => name === 'node-cidr-mask-size')) return;
  throw usage(
    'controllerManager.extraArgs: node-cidr-mask-size does not go with pod networks of both families',
    'give node-cidr-mask-size-ipv4 and node-cidr-mask-size-ipv6',
  );
}

function defined<T extends object>(value: T | undefined): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(value ?? {}).filter(([, one]) => one !== undefined)) as never;
}
