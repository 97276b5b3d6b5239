import type { Cidr } from './cidr.ts';
import {
  type ComponentSettings,
  componentSettings,
  type EtcdSettings,
  etcdSettings,
  imageNames,
} from './control-plane.ts';
import { DEFAULTS } from './defaults.ts';
import { COMPONENT_PATHS, checkExtraArgs } from './extra-args.ts';
import { featureGates } from './feature-gates.ts';
import { domainSchema, hostAddressSchema, repositorySchema, subjectNameSchema } from './fields.ts';
import type { ImageNames } from './image-names.ts';
import { type NetworkFlags, type NetworkSettings, networksFrom } from './networks.ts';
import {
  check,
  type HostFacts,
  type NodeFlags,
  type NodeSettings,
  nodeSettings,
  withoutTypeMeta,
} from './node-settings.ts';
import type { Documents } from './schema.ts';
import {
  absolutePath,
  bindPort,
  checkCertificateKey,
  checkEndpoint,
  duration,
  hostOf,
  usage,
} from './values.ts';

/** How long certificates are valid that are made from now on, in seconds. */
export interface CertificateValidity {
  readonly authoritySeconds: number;
  readonly leafSeconds: number;
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
  readonly tokenOptions: TokenOptions;
  /** Further ones. */
  readonly moreTokens: readonly (TokenOptions & { readonly token: string })[];
  /** Whether further control planes are to get the certificates from the cluster, by this key; made up when left out. */
  readonly uploadCerts: boolean;
  readonly certificateKey: string | undefined;
  /** Where the certificates really are; /etc/kubernetes/pki leads there. */
  readonly certificatesDir: string;
  readonly certSANs: readonly string[];
  readonly keyAlgorithm: 'ECDSA-P256' | 'ECDSA-P384' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096';
  readonly certificateValidity: CertificateValidity;
  readonly components: Readonly<Record<'apiServer' | 'controllerManager' | 'scheduler', ComponentSettings>>;
  readonly etcd: EtcdSettings;
  readonly images: ImageNames;
  /** kubeadm's own switches, as they are kept in the cluster. */
  readonly featureGates: Readonly<Record<string, boolean | undefined>>;
  /** Add-ons that somebody else brings. */
  readonly without: { readonly dns: boolean; readonly proxy: boolean };
  readonly kubeProxy: Readonly<Record<string, unknown>>;
  readonly network: NetworkSettings;
}

/** What a join token is good for; what is left out is as kubeadm has it. */
export interface TokenOptions {
  /** How long it is valid, 0 for ever; where `expires` is given, that is when it ends. */
  readonly ttlSeconds: number;
  readonly expires: Date | undefined;
  readonly description: string | undefined;
  readonly usages: readonly ('signing' | 'authentication')[] | undefined;
  readonly groups: readonly string[] | undefined;
}

export interface InitFlags extends NodeFlags, NetworkFlags {
  readonly apiserverAdvertiseAddress?: string;
  readonly apiserverBindPort?: string;
  readonly serviceDnsDomain?: string;
  readonly kubernetesVersion?: string;
  readonly imageRepository?: string;
  readonly certDir?: string;
  readonly featureGates?: string;
  readonly apiserverCertExtraSans?: readonly string[];
  readonly token?: string;
  readonly tokenTtl?: string;
  readonly controlPlaneEndpoint?: string;
  readonly uploadCerts?: boolean;
  readonly certificateKey?: string;
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
  check('--apiserver-advertise-address', hostAddressSchema, flags.apiserverAdvertiseAddress);
  const address =
    flags.apiserverAdvertiseAddress ?? init?.localAPIEndpoint?.advertiseAddress ?? facts.defaultAddress;
  if (address === undefined) {
    throw usage(
      'this host has no default route, so its address is not known',
      'give --apiserver-advertise-address',
    );
  }
  const controlPlaneEndpoint = (flags.controlPlaneEndpoint ?? cluster?.controlPlaneEndpoint) || undefined;
  if (controlPlaneEndpoint !== undefined) checkEndpoint('--control-plane-endpoint', controlPlaneEndpoint);
  const { podCidrs, serviceCidrs, network } = networksFrom(flags, documents, address);
  const apiPort =
    flags.apiserverBindPort === undefined
      ? (init?.localAPIEndpoint?.bindPort ?? DEFAULTS.apiPort)
      : bindPort('--apiserver-bind-port', flags.apiserverBindPort);
  for (const path of COMPONENT_PATHS)
    checkExtraArgs(path, { flags, documents, apiPort, podCidrs, serviceCidrs });
  check('--service-dns-domain', domainSchema, flags.serviceDnsDomain);
  const dnsDomain = flags.serviceDnsDomain ?? cluster?.networking?.dnsDomain ?? DEFAULTS.dnsDomain;
  const [token, ...moreTokens] = init?.bootstrapTokens ?? [];
  const certificateKey = flags.certificateKey ?? init?.certificateKey;
  if (certificateKey !== undefined) checkCertificateKey(certificateKey);
  const repository = flags.imageRepository ?? cluster?.imageRepository;
  check('--image-repository', repositorySchema, flags.imageRepository);
  for (const name of flags.apiserverCertExtraSans ?? [])
    check('--apiserver-cert-extra-sans', subjectNameSchema, name);
  const gates =
    flags.featureGates === undefined
      ? (cluster?.featureGates ?? {})
      : featureGates('--feature-gates', flags.featureGates);
  const inside = [
    ...[...podCidrs, ...serviceCidrs].map(({ text }) => text),
    address,
    ...(controlPlaneEndpoint === undefined ? [] : [hostOf(controlPlaneEndpoint)]),
    `.${dnsDomain}`,
  ];
  const node = { ...facts, defaultAddress: address };
  return {
    ...nodeSettings(flags, documents, init, node, inside),
    kubernetesVersion: flags.kubernetesVersion ?? cluster?.kubernetesVersion ?? defaultVersion,
    clusterName: cluster?.clusterName ?? DEFAULTS.clusterName,
    advertiseAddress: address,
    apiPort,
    controlPlaneEndpoint,
    podCidrs,
    serviceCidrs,
    dnsDomain,
    token: flags.token ?? token?.token,
    tokenOptions: tokenOptions(
      flags.tokenTtl === undefined ? token : { ...token, ttl: flags.tokenTtl, expires: undefined },
    ),
    moreTokens: moreTokens.map((one) => ({ ...tokenOptions(one), token: one.token ?? '' })),
    uploadCerts: (flags.uploadCerts ?? false) || certificateKey !== undefined,
    certificateKey,
    certificatesDir:
      flags.certDir === undefined
        ? (cluster?.certificatesDir ?? DEFAULTS.certificatesDir)
        : absolutePath('--cert-dir', flags.certDir),
    certSANs: flags.apiserverCertExtraSans ?? cluster?.apiServer?.certSANs ?? [],
    keyAlgorithm: cluster?.encryptionAlgorithm ?? 'ECDSA-P256',
    certificateValidity: certificateValidity(cluster),
    components: {
      apiServer: componentSettings(cluster?.apiServer),
      controllerManager: componentSettings(cluster?.controllerManager),
      scheduler: componentSettings(cluster?.scheduler),
    },
    etcd: etcdSettings(cluster?.etcd),
    images: imageNames(repository, cluster),
    featureGates: gates,
    without: { dns: cluster?.dns?.disabled ?? false, proxy: cluster?.proxy?.disabled ?? false },
    kubeProxy: withoutTypeMeta(documents.KubeProxyConfiguration),
    network,
  };
}

/** @throws UserError (usage) for certificates that would outlive their authority */
export function certificateValidity(cluster: Documents['ClusterConfiguration']): CertificateValidity {
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

type TokenDocument = NonNullable<NonNullable<Documents['InitConfiguration']>['bootstrapTokens']>[number];

function tokenOptions(
  token: Partial<{ [K in keyof TokenDocument]: TokenDocument[K] | undefined }> | undefined,
): TokenOptions {
  return {
    ttlSeconds: duration('--token-ttl', token?.ttl ?? DEFAULTS.tokenTtl),
    expires: token?.expires === undefined ? undefined : new Date(token.expires),
    description: token?.description,
    usages: token?.usages,
    groups: token?.groups,
  };
}
