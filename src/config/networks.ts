import type { z } from 'zod';
import type { Cidr } from './cidr.ts';
import type { ExtraArg } from './control-plane.ts';
import { DEFAULTS } from './defaults.ts';
import type { Family } from './family.ts';
import {
  checkFamilies,
  checkNodeNetworks,
  checkVni,
  type NamedCidrs,
  refuseOverlap,
} from './network-checks.ts';
import { type Documents, networkSchema } from './schema.ts';
import { parseCidrs, podSubnetSchema, serviceSubnetSchema } from './subnets.ts';
import { firstIssue, settingName, usage } from './values.ts';
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
  const { podSubnet = DEFAULTS.podCidr, serviceSubnet = DEFAULTS.serviceCidr } = cluster?.networking ?? {};
  const pods = {
    name: podSubnetName(flags, documents),
    cidrs: cidrsFrom('--pod-network-cidr', podSubnetSchema, flags.podNetworkCidr) ?? parseCidrs(podSubnet),
  };
  const services = {
    name: serviceSubnetName(flags, documents),
    cidrs: cidrsFrom('--service-cidr', serviceSubnetSchema, flags.serviceCidr) ?? parseCidrs(serviceSubnet),
  };
  refuseOverlap(pods, services);
  checkFamilies(address, pods, services);
  const controllerArgs = cluster?.controllerManager?.extraArgs ?? [];
  refuseMaskOfBoth(pods, controllerArgs);
  checkNodeNetworks(pods, nodeMaskFrom(controllerArgs));
  const network = networkSettings(flags, documents);
  const vni = settingName('--network-vni', 'Cluster.spec.network.vni', flags.networkVni, documents);
  if (network.backend !== 'none') checkVni(vni, network.vni, pods.cidrs);
  return { podCidrs: pods.cidrs, serviceCidrs: services.cidrs, network };
}

export function podSubnetName({ podNetworkCidr }: NetworkFlags, documents: Documents): string {
  const field = 'ClusterConfiguration.networking.podSubnet';
  return settingName('--pod-network-cidr', field, podNetworkCidr, documents);
}

export function serviceSubnetName({ serviceCidr }: NetworkFlags, documents: Documents): string {
  const field = 'ClusterConfiguration.networking.serviceSubnet';
  return settingName('--service-cidr', field, serviceCidr, documents);
}

/** What a flag says; undefined where it is not given. @throws UserError (usage) */
function cidrsFrom(flag: string, schema: z.ZodType, text: string | undefined): Cidr[] | undefined {
  if (text === undefined) return undefined;
  const checked = schema.safeParse(text);
  if (!checked.success) throw usage(`${flag}: ${firstIssue(checked.error)}`);
  return parseCidrs(text);
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

/** By which argument the controller manager is told the length of a node's network. */
function nodeMaskFrom(extraArgs: readonly ExtraArg[]): (family: Family) => ExtraArg | undefined {
  return (family) => {
    const names = ['node-cidr-mask-size', `node-cidr-mask-size-ipv${family}`];
    return extraArgs.findLast(({ name }) => names.includes(name));
  };
}

/** The controller manager does not start with one prefix for two families. @throws UserError (usage) */
function refuseMaskOfBoth({ cidrs }: NamedCidrs, extraArgs: readonly ExtraArg[]): void {
  if (cidrs.length < 2 || !extraArgs.some(({ name }) => name === 'node-cidr-mask-size')) return;
  throw usage(
    'ClusterConfiguration.controllerManager.extraArgs: node-cidr-mask-size does not go with pod networks of both families',
    'give node-cidr-mask-size-ipv4 and node-cidr-mask-size-ipv6',
  );
}

function defined<T extends object>(value: T | undefined): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(value ?? {}).filter(([, one]) => one !== undefined)) as never;
}
