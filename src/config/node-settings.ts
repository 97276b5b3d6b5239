import type { z } from 'zod';
import type { ZodMiniType } from 'zod/mini';
import type { EnvVar, ExtraArg } from './control-plane.ts';
import { hostEntries } from './hosts.ts';
import { criSocketSchema, type Taint } from './kubeadm-parts.ts';
import { nodeIPSchema, nodeNameSchema } from './node-fields.ts';
import { proxyVariables } from './proxy.ts';
import type { ComponentSourceSettings, Documents } from './schema.ts';
import { type Timeouts, timeoutsFrom } from './timeouts.ts';
import { absolutePath, firstIssue, usage } from './values.ts';
import { plainWords } from './wording.ts';

/** What there is to know about a host before it is a node. */
export interface HostSettings {
  readonly ignorePreflightErrors: readonly string[];
  readonly skipPhases: readonly string[];
  readonly restrictOOMScoreAdj: boolean;
  /** Where components come from; the host's own store when nothing is said. */
  readonly componentSource: ComponentSourceSettings | undefined;
  readonly imagePull: ImagePull;
  /** Proxy variables of this process, for what reaches out of the cluster; empty without a proxy. */
  readonly proxy: readonly EnvVar[];
  /** A folder of this host with patches. */
  readonly patchesDirectory: string | undefined;
  readonly timeouts: Timeouts;
}

export interface ImagePull {
  /** `Never`: images have to be in the runtime already. The others bring what is not there with its digest. */
  readonly policy: 'Always' | 'IfNotPresent' | 'Never';
  /** One after the other. */
  readonly serial: boolean;
}

/** What every node needs to know about how it is to be set up, master or worker. */
export interface NodeSettings extends HostSettings {
  readonly nodeName: string;
  /**
   * The address of this node in the cluster: the kubelet's node IP and the pod network's public IP. Two of different
   * families with a comma between them, the primary one first, where both were given.
   */
  readonly nodeIP: string;
  readonly kubeletExtraArgs: readonly ExtraArg[];
  /** Fields of KubeletConfiguration to set beside or in place of kadm's. */
  readonly kubelet: Readonly<Record<string, unknown>>;
  /** Those of the node; undefined when nothing is said: a master then has the usual one, a worker none. */
  readonly taints: readonly Taint[] | undefined;
}

/** What is asked of the machine before settings can be made. */
export interface HostFacts {
  readonly hostname: string;
  /** The address from which this host reaches its default gateway, or the API server; undefined without a route. */
  readonly defaultAddress: string | undefined;
  /** host:port of the API server, where a kubeconfig names it. */
  readonly server?: string;
  /** The environment of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface NodeFlags {
  readonly nodeName?: string;
  readonly criSocket?: string;
  readonly patches?: string;
  readonly skipPhases?: readonly string[];
  readonly ignorePreflightErrors?: readonly string[];
}

type VerbDocument = Documents['InitConfiguration'] | Documents['JoinConfiguration'];

export function hostSettings(
  flags: NodeFlags,
  documents: Documents,
  verb: VerbDocument,
  environment: HostFacts['environment'],
  inside: readonly string[],
): HostSettings {
  const registration = verb?.nodeRegistration;
  check('--cri-socket', criSocketSchema, flags.criSocket);
  return {
    ignorePreflightErrors: flags.ignorePreflightErrors ?? registration?.ignorePreflightErrors ?? [],
    skipPhases: flags.skipPhases ?? verb?.skipPhases ?? [],
    restrictOOMScoreAdj: documents.Cluster?.spec.containerd?.restrictOOMScoreAdj ?? false,
    componentSource: documents.Cluster?.spec.components?.source,
    imagePull: {
      policy: registration?.imagePullPolicy ?? 'IfNotPresent',
      serial: registration?.imagePullSerial ?? false,
    },
    proxy: proxyVariables(environment ?? {}, [
      ...inside,
      ...sourceHost(documents),
      ...hostEntries(documents).flatMap(({ address, nodeIP }) => [address, nodeIP ?? []].flat()),
    ]),
    patchesDirectory:
      flags.patches === undefined ? verb?.patches?.directory : absolutePath('--patches', flags.patches),
    timeouts: timeoutsFrom(verb?.timeouts),
  };
}

function sourceHost(documents: Documents): string[] {
  const source = documents.Cluster?.spec.components?.source;
  return source?.kind === 'http' ? [new URL(source.url).hostname.replace(/^\[|\]$/g, '')] : [];
}

/** Flags of the kubelet that say what kadm has to know too. */
const HOSTNAME_OVERRIDE = 'hostname-override';
const NODE_IP = 'node-ip';

export function nodeSettings(
  flags: NodeFlags,
  documents: Documents,
  verb: VerbDocument,
  facts: HostFacts & { readonly defaultAddress: string },
  inside: readonly string[],
): NodeSettings {
  const registration = verb?.nodeRegistration;
  const given = registration?.kubeletExtraArgs ?? [];
  const flagOf = (name: string): string | undefined => given.findLast((arg) => arg.name === name)?.value;
  const name =
    flags.nodeName ?? registration?.name ?? flagOf(HOSTNAME_OVERRIDE) ?? facts.hostname.toLowerCase();
  check('--node-name', nodeNameSchema, name);
  const override = flagOf(HOSTNAME_OVERRIDE);
  if (override !== undefined && override !== name) {
    throw usage(
      `the kubelet's --${HOSTNAME_OVERRIDE} is ${override}, but the node is to be named ${name}`,
      'give the name once',
    );
  }
  check(`the kubelet's --${NODE_IP}`, nodeIPSchema, flagOf(NODE_IP));
  return {
    ...hostSettings(flags, documents, verb, facts.environment, inside),
    nodeName: name,
    nodeIP: flagOf(NODE_IP) ?? facts.defaultAddress,
    kubeletExtraArgs: given,
    kubelet: withoutTypeMeta(documents.KubeletConfiguration),
    taints: registration?.taints,
  };
}

/** @throws UserError (usage) naming the flag */
export function check(flag: string, schema: z.ZodType | ZodMiniType, text: string | undefined): void {
  if (text === undefined) return;
  const checked = schema.safeParse(text, { error: plainWords });
  if (!checked.success) throw usage(`${flag}: ${JSON.stringify(text)} ${firstIssue(checked.error)}`);
}

/** The fields of a component's configuration. */
export function withoutTypeMeta(document: Record<string, unknown> | undefined): Record<string, unknown> {
  const { apiVersion: _, kind: __, ...fields } = document ?? {};
  return fields;
}
