import { DEFAULTS } from './defaults.ts';
import { hostAddressSchema } from './fields.ts';
import {
  check,
  type HostFacts,
  type HostSettings,
  hostSettings,
  type NodeFlags,
  type NodeSettings,
  nodeSettings,
} from './node-settings.ts';
import type { Documents } from './schema.ts';
import {
  absolutePath,
  bindPort,
  checkCertificateKey,
  checkEndpoint,
  endpointWithPort,
  hostOf,
  usage,
} from './values.ts';

export interface JoinSettings extends NodeSettings {
  readonly discovery: Discovery;
  /** By which this host proves itself to the cluster; undefined where the file of the discovery says how. */
  readonly tlsBootstrapToken: string | undefined;
  /** What this host is to be as a control plane; undefined for a worker. */
  readonly controlPlane: ControlPlaneJoin | undefined;
}

export interface ControlPlaneJoin {
  readonly advertiseAddress: string;
  readonly apiPort: number;
  /** Opens the certificates that the cluster keeps; undefined where they are on this host. */
  readonly certificateKey: string | undefined;
}

/** How a host knows its cluster. */
export type Discovery = TokenDiscovery | FileDiscovery;

export interface TokenDiscovery {
  readonly kind: 'token';
  /** host:port of the API server to join at. */
  readonly endpoint: string;
  /** By which the cluster proves itself. */
  readonly token: string;
  /** `sha256:HEX` pins; empty only when verification was switched off explicitly. */
  readonly caCertHashes: readonly string[];
  readonly unsafeSkipCAVerification: boolean;
}

/** A kubeconfig of this host, which is trusted as it is. */
export interface FileDiscovery {
  readonly kind: 'file';
  readonly path: string;
}

export interface JoinFlags extends NodeFlags {
  readonly endpoint?: string;
  readonly token?: string;
  readonly discoveryToken?: string;
  readonly discoveryFile?: string;
  readonly tlsBootstrapToken?: string;
  readonly discoveryTokenCaCertHash?: readonly string[];
  readonly discoveryTokenUnsafeSkipCaVerification?: boolean;
  readonly controlPlane?: boolean;
  readonly certificateKey?: string;
  readonly apiserverAdvertiseAddress?: string;
  readonly apiserverBindPort?: string;
}

/** What join is to do. @throws UserError (usage) naming the flag or field that is missing or does not make sense. */
export function joinSettings(flags: JoinFlags, documents: Documents, facts: HostFacts): JoinSettings {
  const join = documents.JoinConfiguration;
  const file = discoveryFile(flags, documents);
  const discovery: Discovery =
    file === undefined
      ? tokenDiscovery(flags, join?.discovery?.bootstrapToken)
      : { kind: 'file', path: file };
  const server = discovery.kind === 'token' ? discovery.endpoint : facts.server;
  if (facts.defaultAddress === undefined) {
    throw usage(
      `no route from this host to ${server ?? 'the API server'}`,
      'check the address and this host’s routes (ip route)',
    );
  }
  const controlPlane = controlPlaneJoin(flags, documents, facts.defaultAddress);
  const defaultAddress = controlPlane?.advertiseAddress ?? facts.defaultAddress;
  const inside = [defaultAddress, ...(server === undefined ? [] : [hostOf(server)])];
  const token = discovery.kind === 'token' ? discovery.token : undefined;
  return {
    ...nodeSettings(flags, documents, join, { ...facts, defaultAddress }, inside),
    discovery,
    controlPlane,
    tlsBootstrapToken: flags.tlsBootstrapToken ?? flags.token ?? join?.discovery?.tlsBootstrapToken ?? token,
  };
}

/** The kubeconfig that the discovery goes by, if it goes by one. @throws UserError (usage) */
export function discoveryFile(flags: JoinFlags, documents: Documents): string | undefined {
  if (flags.discoveryFile !== undefined && (flags.endpoint ?? flags.discoveryToken) !== undefined) {
    throw usage(
      '--discovery-file goes without HOST:PORT and --discovery-token',
      'the file says where the cluster is; --tls-bootstrap-token says who this host is',
    );
  }
  if (flags.discoveryFile !== undefined)
    return absolutePath('--discovery-file', flags.discoveryFile.replace(/^file:\/\//, ''));
  if ((flags.endpoint ?? flags.discoveryToken) !== undefined) return undefined;
  return documents.JoinConfiguration?.discovery?.file?.kubeConfigPath.replace(/^file:\/\//, '');
}

function controlPlaneJoin(
  flags: JoinFlags,
  documents: Documents,
  defaultAddress: string,
): ControlPlaneJoin | undefined {
  const local = localEndpoint(flags, documents);
  if (local === undefined) return undefined;
  const certificateKey = flags.certificateKey ?? documents.JoinConfiguration?.controlPlane?.certificateKey;
  if (certificateKey !== undefined) checkCertificateKey(certificateKey);
  return {
    apiPort: local.apiPort,
    advertiseAddress: local.advertiseAddress ?? defaultAddress,
    certificateKey,
  };
}

/**
 * Where a host that is to be a control plane serves the API; undefined for a worker.
 * @throws UserError (usage)
 */
export function localEndpoint(
  flags: JoinFlags,
  { JoinConfiguration: join }: Documents,
): { readonly advertiseAddress: string | undefined; readonly apiPort: number } | undefined {
  const document = join?.controlPlane;
  if (flags.controlPlane !== true && document === undefined) {
    for (const option of CONTROL_PLANE_FLAGS) {
      if (flags[option] === undefined) continue;
      const flag = `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      throw usage(`${flag} is for control planes`, 'give --control-plane too, or leave it out for a worker');
    }
    return undefined;
  }
  const local = document?.localAPIEndpoint;
  check('--apiserver-advertise-address', hostAddressSchema, flags.apiserverAdvertiseAddress);
  return {
    advertiseAddress: flags.apiserverAdvertiseAddress ?? local?.advertiseAddress,
    apiPort:
      flags.apiserverBindPort === undefined
        ? (local?.bindPort ?? DEFAULTS.apiPort)
        : bindPort('--apiserver-bind-port', flags.apiserverBindPort),
  };
}

const CONTROL_PLANE_FLAGS = ['certificateKey', 'apiserverAdvertiseAddress', 'apiserverBindPort'] as const;

type BootstrapTokenDocument = NonNullable<
  NonNullable<Documents['JoinConfiguration']>['discovery']
>['bootstrapToken'];

function tokenDiscovery(flags: JoinFlags, document: BootstrapTokenDocument): TokenDiscovery {
  const endpoint = flags.endpoint ?? document?.apiServerEndpoint;
  if (endpoint === undefined) {
    throw usage('no API server to join', 'give its HOST:PORT: kadm join HOST:6443 --token T ...');
  }
  checkEndpoint('the API server to join', endpoint);
  const token = flags.discoveryToken ?? flags.token ?? document?.token;
  if (token === undefined)
    throw usage('no join token', 'give --token; the command that kadm init printed has one');
  const caCertHashes = flags.discoveryTokenCaCertHash ?? document?.caCertHashes ?? [];
  const unsafe = flags.discoveryTokenUnsafeSkipCaVerification ?? document?.unsafeSkipCAVerification ?? false;
  if (caCertHashes.length === 0 && !unsafe) {
    throw usage(
      'no CA certificate hash, so the cluster could be anybody’s',
      'give --discovery-token-ca-cert-hash sha256:HEX, or accept the risk with --discovery-token-unsafe-skip-ca-verification',
    );
  }
  return {
    kind: 'token',
    endpoint: endpointWithPort(endpoint),
    token,
    caCertHashes,
    unsafeSkipCAVerification: unsafe,
  };
}

/** What a host is told of itself before it knows its cluster. */
export function workerHostSettings(
  flags: JoinFlags,
  documents: Documents,
  environment: HostFacts['environment'] = {},
): HostSettings {
  return hostSettings(flags, documents, documents.JoinConfiguration, environment, []);
}
