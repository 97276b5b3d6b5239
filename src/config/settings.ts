import { isIP } from 'node:net';
import type { Cidr } from './cidr.ts';
import { DEFAULTS } from './defaults.ts';
import type { ComponentSourceSettings, Documents } from './schema.ts';
import { networkSchema, nodeNameSchema } from './schema.ts';
import {
  checkEndpoint,
  cidrs,
  duration,
  endpointWithPort,
  firstIssue,
  port,
  refuseOverlap,
  usage,
} from './values.ts';

/** What there is to know about a host before it is a node. */
export interface HostSettings {
  readonly ignorePreflightErrors: readonly string[];
  readonly skipPhases: readonly string[];
  readonly restrictOOMScoreAdj: boolean;
  /** Where components come from; the host's own store when nothing is said. */
  readonly componentSource: ComponentSourceSettings | undefined;
}

/** What every node needs to know about how it is to be set up, master or worker. */
export interface NodeSettings extends HostSettings {
  readonly nodeName: string;
  /** The address of this node in the cluster: the kubelet's node IP and the pod network's public IP. */
  readonly nodeIP: string;
  readonly kubeletExtraArgs: readonly ExtraArg[];
  /** Fields of KubeletConfiguration to set beside or in place of kadm's. */
  readonly kubelet: Readonly<Record<string, unknown>>;
}

export interface ExtraArg {
  readonly name: string;
  readonly value: string;
}

/** How long certificates are valid that are made from now on, in seconds. */
export interface CertificateValidity {
  readonly authoritySeconds: number;
  readonly leafSeconds: number;
}

export interface NetworkSettings {
  readonly backend: 'vxlan' | 'host-gw' | 'auto' | 'none';
  readonly vni: number;
  /** UDP port of the tunnel. */
  readonly port: number;
  /** Whether CNI configurations that come before ours are moved aside. */
  readonly exclusive: boolean;
}

export interface InitSettings extends NodeSettings {
  readonly kubernetesVersion: string;
  readonly clusterName: string;
  readonly advertiseAddress: string;
  readonly apiPort: number;
  /** host or host:port by which all nodes reach the API server; the advertise address when left out. */
  readonly controlPlaneEndpoint: string | undefined;
  readonly podCidrs: readonly Cidr[];
  readonly serviceCidrs: readonly Cidr[];
  readonly dnsDomain: string;
  /** The first join token; made up when nothing is given. */
  readonly token: string | undefined;
  readonly tokenTtlSeconds: number;
  readonly certSANs: readonly string[];
  readonly keyAlgorithm: 'ECDSA-P256' | 'ECDSA-P384' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096';
  readonly certificateValidity: CertificateValidity;
  readonly extraArgs: Readonly<Record<'apiServer' | 'controllerManager' | 'scheduler', readonly ExtraArg[]>>;
  readonly kubeProxy: Readonly<Record<string, unknown>>;
  readonly network: NetworkSettings;
}

export interface JoinSettings extends NodeSettings {
  /** host:port of the API server to join at. */
  readonly endpoint: string;
  readonly token: string;
  /** `sha256:HEX` pins; empty only when verification was switched off explicitly. */
  readonly caCertHashes: readonly string[];
  readonly unsafeSkipCAVerification: boolean;
}

/** What is asked of the machine before settings can be made. */
export interface HostFacts {
  readonly hostname: string;
  /** The address from which this host reaches its default gateway, or the API server; undefined without a route. */
  readonly defaultAddress: string | undefined;
}

export interface InitFlags {
  readonly apiserverAdvertiseAddress?: string;
  readonly apiserverBindPort?: string;
  readonly podNetworkCidr?: string;
  readonly serviceCidr?: string;
  readonly serviceDnsDomain?: string;
  readonly kubernetesVersion?: string;
  readonly nodeName?: string;
  readonly token?: string;
  readonly tokenTtl?: string;
  readonly controlPlaneEndpoint?: string;
  readonly networkBackend?: string;
  readonly networkPort?: string;
  readonly networkVni?: string;
  readonly skipPhases?: readonly string[];
  readonly ignorePreflightErrors?: readonly string[];
}

export interface JoinFlags {
  readonly endpoint?: string;
  readonly token?: string;
  readonly discoveryTokenCaCertHash?: readonly string[];
  readonly discoveryTokenUnsafeSkipCaVerification?: boolean;
  readonly nodeName?: string;
  readonly skipPhases?: readonly string[];
  readonly ignorePreflightErrors?: readonly string[];
}

/**
 * What init is to do: flags over documents over defaults.
 * @throws UserError (usage) naming the flag or field that does not make sense.
 */
export function initSettings(
  flags: InitFlags,
  documents: Documents,
  facts: HostFacts,
  defaultVersion: string,
): InitSettings {
  const cluster = documents.ClusterConfiguration;
  const init = documents.InitConfiguration;
  const address =
    flags.apiserverAdvertiseAddress ?? init?.localAPIEndpoint?.advertiseAddress ?? facts.defaultAddress;
  if (address === undefined) {
    throw usage(
      'this host has no default route, so its address is not known',
      'give --apiserver-advertise-address',
    );
  }
  if (isIP(address) === 0)
    throw usage(`--apiserver-advertise-address: ${JSON.stringify(address)} is not an IP address`);
  const controlPlaneEndpoint = flags.controlPlaneEndpoint ?? cluster?.controlPlaneEndpoint;
  if (controlPlaneEndpoint !== undefined) checkEndpoint('--control-plane-endpoint', controlPlaneEndpoint);
  const pods = flags.podNetworkCidr ?? cluster?.networking?.podSubnet ?? DEFAULTS.podCidr;
  const services = flags.serviceCidr ?? cluster?.networking?.serviceSubnet ?? DEFAULTS.serviceCidr;
  const podCidrs = cidrs('--pod-network-cidr', pods);
  const serviceCidrs = cidrs('--service-cidr', services);
  refuseOverlap(podCidrs, serviceCidrs);
  const token = init?.bootstrapTokens?.[0];
  return {
    ...nodeSettings(flags, documents, init?.nodeRegistration, init?.skipPhases, facts.hostname, address),
    kubernetesVersion: flags.kubernetesVersion ?? cluster?.kubernetesVersion ?? defaultVersion,
    clusterName: cluster?.clusterName ?? DEFAULTS.clusterName,
    advertiseAddress: address,
    apiPort:
      flags.apiserverBindPort === undefined
        ? (init?.localAPIEndpoint?.bindPort ?? DEFAULTS.apiPort)
        : port('--apiserver-bind-port', flags.apiserverBindPort),
    controlPlaneEndpoint,
    podCidrs,
    serviceCidrs,
    dnsDomain: flags.serviceDnsDomain ?? cluster?.networking?.dnsDomain ?? DEFAULTS.dnsDomain,
    token: flags.token ?? token?.token,
    tokenTtlSeconds: duration('--token-ttl', flags.tokenTtl ?? token?.ttl ?? DEFAULTS.tokenTtl),
    certSANs: cluster?.apiServer?.certSANs ?? [],
    keyAlgorithm: cluster?.encryptionAlgorithm ?? 'ECDSA-P256',
    certificateValidity: certificateValidity(cluster),
    extraArgs: {
      apiServer: cluster?.apiServer?.extraArgs ?? [],
      controllerManager: cluster?.controllerManager?.extraArgs ?? [],
      scheduler: cluster?.scheduler?.extraArgs ?? [],
    },
    kubeProxy: withoutTypeMeta(documents.KubeProxyConfiguration),
    network: networkSettings(flags, documents),
  };
}

/** Flags are held to the schema of the document, whose fields they stand for. */
function networkSettings(flags: InitFlags, documents: Documents): NetworkSettings {
  const given = {
    backend: flags.networkBackend,
    port: numberOf(flags.networkPort),
    vni: numberOf(flags.networkVni),
  };
  const checked = networkSchema.safeParse(defined(given));
  if (checked.success) {
    return { ...DEFAULTS.network, ...defined(documents.Cluster?.spec.network), ...defined(checked.data) };
  }
  const field = String(checked.error.issues[0]?.path[0]);
  throw usage(`--network-${field}: ${firstIssue(checked.error)}`);
}

/** NaN for what is no number, which the schema refuses. */
function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

/** What join is to do. @throws UserError (usage) naming the flag or field that is missing or does not make sense. */
export function joinSettings(flags: JoinFlags, documents: Documents, facts: HostFacts): JoinSettings {
  const join = documents.JoinConfiguration;
  const discovery = join?.discovery?.bootstrapToken;
  const endpoint = flags.endpoint ?? discovery?.apiServerEndpoint;
  if (endpoint === undefined) {
    throw usage('no API server to join', 'give its HOST:PORT: kadm join HOST:6443 --token T ...');
  }
  checkEndpoint('the API server to join', endpoint);
  const token = flags.token ?? discovery?.token;
  if (token === undefined)
    throw usage('no join token', 'give --token; the command that kadm init printed has one');
  const caCertHashes = flags.discoveryTokenCaCertHash ?? discovery?.caCertHashes ?? [];
  const unsafe = flags.discoveryTokenUnsafeSkipCaVerification ?? discovery?.unsafeSkipCAVerification ?? false;
  if (caCertHashes.length === 0 && !unsafe) {
    throw usage(
      'no CA certificate hash, so the cluster could be anybody’s',
      'give --discovery-token-ca-cert-hash sha256:HEX, or accept the risk with --discovery-token-unsafe-skip-ca-verification',
    );
  }
  if (facts.defaultAddress === undefined) {
    throw usage(
      `no route from this host to ${endpoint}`,
      'check the address and this host’s routes (ip route)',
    );
  }
  return {
    ...nodeSettings(
      flags,
      documents,
      join?.nodeRegistration,
      join?.skipPhases,
      facts.hostname,
      facts.defaultAddress,
    ),
    endpoint: endpointWithPort(endpoint),
    token,
    caCertHashes,
    unsafeSkipCAVerification: unsafe,
  };
}

/** What a host is told of itself before it knows its cluster. */
export function workerHostSettings(flags: JoinFlags, documents: Documents): HostSettings {
  const join = documents.JoinConfiguration;
  return hostSettings(flags, documents, join?.nodeRegistration, join?.skipPhases);
}

function certificateValidity(cluster: Documents['ClusterConfiguration']): CertificateValidity {
  const authority = cluster?.caCertificateValidityPeriod ?? DEFAULTS.caCertificateValidityPeriod;
  const leaf = cluster?.certificateValidityPeriod ?? DEFAULTS.certificateValidityPeriod;
  const authoritySeconds = duration('caCertificateValidityPeriod', authority);
  const leafSeconds = duration('certificateValidityPeriod', leaf);
  if (leafSeconds <= authoritySeconds) return { authoritySeconds, leafSeconds };
  throw usage(
    `certificateValidityPeriod ${leaf} is longer than caCertificateValidityPeriod ${authority}`,
    'no certificate is believed longer than its authority',
  );
}

type Registration = NonNullable<Documents['InitConfiguration']>['nodeRegistration'];

function hostSettings(
  flags: Pick<InitFlags, 'ignorePreflightErrors' | 'skipPhases'>,
  documents: Documents,
  registration: Registration,
  skipPhases: readonly string[] | undefined,
): HostSettings {
  return {
    ignorePreflightErrors: flags.ignorePreflightErrors ?? registration?.ignorePreflightErrors ?? [],
    skipPhases: flags.skipPhases ?? skipPhases ?? [],
    restrictOOMScoreAdj: documents.Cluster?.spec.containerd?.restrictOOMScoreAdj ?? false,
    componentSource: documents.Cluster?.spec.components?.source,
  };
}

function nodeSettings(
  flags: Pick<InitFlags, 'nodeName' | 'ignorePreflightErrors' | 'skipPhases'>,
  documents: Documents,
  registration: Registration,
  skipPhases: readonly string[] | undefined,
  hostname: string,
  nodeIP: string,
): NodeSettings {
  const name = flags.nodeName ?? registration?.name ?? hostname.toLowerCase();
  const checked = nodeNameSchema.safeParse(name);
  const extraArgs = registration?.kubeletExtraArgs ?? [];
  if (!checked.success) throw usage(`--node-name: ${JSON.stringify(name)} ${firstIssue(checked.error)}`);
  return {
    ...hostSettings(flags, documents, registration, skipPhases),
    nodeName: checked.data,
    // One choice for the kubelet, the agent and the certificates.
    nodeIP: extraArgs.find(({ name: flag }) => flag === 'node-ip')?.value ?? nodeIP,
    kubeletExtraArgs: extraArgs.filter(({ name: flag }) => flag !== 'node-ip'),
    kubelet: withoutTypeMeta(documents.KubeletConfiguration),
  };
}

function withoutTypeMeta(document: Record<string, unknown> | undefined): Record<string, unknown> {
  const { apiVersion: _, kind: __, ...fields } = document ?? {};
  return fields;
}

function defined<T extends object>(value: T | undefined): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(value ?? {}).filter(([, one]) => one !== undefined)) as never;
}
