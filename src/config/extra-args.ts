import type { Cidr } from './cidr.ts';
import { DEFAULT_ETCD_DATA } from './control-plane.ts';
import { type NetworkFlags, podSubnetName, serviceSubnetName } from './networks.ts';
import type { Documents } from './schema.ts';
import { parseCidrs } from './subnets.ts';
import { settingName, usage } from './values.ts';

/** The components of a control plane, by the path of their fields. */
export const COMPONENT_PATHS = [
  ['apiServer'],
  ['controllerManager'],
  ['scheduler'],
  ['etcd', 'local'],
] as const;

type ComponentPath = (typeof COMPONENT_PATHS)[number];

/** What flags and documents say elsewhere. */
interface Said {
  readonly flags: NetworkFlags & { readonly apiserverBindPort?: string };
  readonly documents: Documents;
  readonly apiPort: number;
  readonly podCidrs: readonly Cidr[];
  readonly serviceCidrs: readonly Cidr[];
}

interface Rule {
  readonly argument: string;
  readonly fits: (value: string) => boolean;
  /** Goes after `secure-port 7000 is not`. */
  readonly wanted: string;
  /** The flag or the field by which another value is chosen, where there is one. */
  readonly instead?: string;
}

/**
 * An argument of a component takes the place of kadm's own, but must not contradict what is said elsewhere and others
 * go by as well: the control plane would never be healthy, or its parts would know different networks.
 * @throws UserError (usage) for the first one that does
 */
export function checkExtraArgs(path: ComponentPath, said: Said): void {
  const [component] = path;
  const cluster = said.documents.ClusterConfiguration;
  const given = (component === 'etcd' ? cluster?.etcd?.local : cluster?.[component])?.extraArgs ?? [];
  for (const { argument, fits, wanted, instead } of rulesOf(component, said)) {
    // The last one counts, as for the components.
    const value = given.findLast(({ name }) => name === argument)?.value;
    if (value === undefined || fits(value)) continue;
    throw usage(
      `ClusterConfiguration.${path.join('.')}.extraArgs: ${argument} ${value} is not ${wanted}`,
      `leave the argument out${instead === undefined ? '' : `, and set ${instead}`}`,
    );
  }
}

function rulesOf(component: ComponentPath[0], said: Said): Rule[] {
  const { flags, documents, apiPort, podCidrs, serviceCidrs } = said;
  const services = cidrsAre('service-cluster-ip-range', serviceCidrs, serviceSubnetName(flags, documents));
  switch (component) {
    case 'apiServer':
      return [apiPortIs(apiPort, bindPortName(said)), services];
    case 'controllerManager':
      return [
        healthPortIs(10_257),
        cidrsAre('cluster-cidr', podCidrs, podSubnetName(flags, documents)),
        services,
      ];
    case 'scheduler':
      return [healthPortIs(10_259)];
    case 'etcd':
      return [dataIsIn(documents.ClusterConfiguration?.etcd?.local?.dataDir ?? DEFAULT_ETCD_DATA)];
  }
}

function bindPortName({ flags, documents }: Said): string {
  const field = 'InitConfiguration.localAPIEndpoint.bindPort';
  return settingName('--apiserver-bind-port', field, flags.apiserverBindPort, documents);
}

function apiPortIs(port: number, name: string): Rule {
  const fits = (value: string): boolean => Number(value) === port;
  return { argument: 'secure-port', fits, wanted: `${port}, as ${name} has it`, instead: name };
}

/** Where kadm asks, and the probes of the manifest, as with kubeadm. */
function healthPortIs(port: number): Rule {
  const fits = (value: string): boolean => Number(value) === port;
  return { argument: 'secure-port', fits, wanted: `${port}, where it is asked for its health` };
}

function cidrsAre(argument: string, cidrs: readonly Cidr[], name: string): Rule {
  const text = textOf(cidrs);
  const fits = (value: string): boolean => canonical(value) === text;
  return { argument, fits, wanted: `${text}, as ${name} has it`, instead: name };
}

/** The container of etcd has nothing else of the host: what it writes elsewhere goes with the container. */
function dataIsIn(folder: string): Rule {
  const name = 'ClusterConfiguration.etcd.local.dataDir';
  const fits = (value: string): boolean => `${value}/`.startsWith(`${folder.replace(/\/$/, '')}/`);
  return { argument: 'data-dir', fits, wanted: `in ${folder}, as ${name} has it`, instead: name };
}

/** In the spelling of kadm's own; undefined for what are no CIDRs. */
function canonical(value: string): string | undefined {
  try {
    return textOf(parseCidrs(value));
  } catch {
    return undefined;
  }
}

function textOf(cidrs: readonly Cidr[]): string {
  return cidrs.map(({ text }) => text).join(',');
}
