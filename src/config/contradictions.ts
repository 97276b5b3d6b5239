import { isDeepStrictEqual } from 'node:util';
import type { Configuration } from './documents.ts';
import type { DocumentKind } from './schema.ts';

/** The field of a document that a flag takes the place of. */
interface FlagField {
  /** As commander names it. */
  readonly option: string;
  readonly flag: string;
  readonly kind: DocumentKind;
  readonly path: readonly string[];
  /** Its values are not repeated. */
  readonly secret?: boolean;
}

const init = fieldsOf('InitConfiguration');
const cluster = fieldsOf('ClusterConfiguration');
const kadm = fieldsOf('Cluster');
const join = fieldsOf('JoinConfiguration');
const reset = fieldsOf('ResetConfiguration');

/** By the name of an option, its flag, and the field's place in documents of one kind. */
function fieldsOf(kind: FlagField['kind']): (option: string, flag: string, path: string) => FlagField {
  return (option, flag, path) => ({ option, flag, kind, path: path.split('.') });
}

export const INIT_FLAGS: readonly FlagField[] = [
  init('apiserverAdvertiseAddress', '--apiserver-advertise-address', 'localAPIEndpoint.advertiseAddress'),
  init('apiserverBindPort', '--apiserver-bind-port', 'localAPIEndpoint.bindPort'),
  init('nodeName', '--node-name', 'nodeRegistration.name'),
  init('criSocket', '--cri-socket', 'nodeRegistration.criSocket'),
  init('ignorePreflightErrors', '--ignore-preflight-errors', 'nodeRegistration.ignorePreflightErrors'),
  init('patches', '--patches', 'patches.directory'),
  init('skipPhases', '--skip-phases', 'skipPhases'),
  init('dryRun', '--dry-run', 'dryRun'),
  { ...init('token', '--token', 'bootstrapTokens.0.token'), secret: true },
  { ...init('certificateKey', '--certificate-key', 'certificateKey'), secret: true },
  init('tokenTtl', '--token-ttl', 'bootstrapTokens.0.ttl'),
  cluster('podNetworkCidr', '--pod-network-cidr', 'networking.podSubnet'),
  cluster('serviceCidr', '--service-cidr', 'networking.serviceSubnet'),
  cluster('serviceDnsDomain', '--service-dns-domain', 'networking.dnsDomain'),
  cluster('kubernetesVersion', '--kubernetes-version', 'kubernetesVersion'),
  cluster('controlPlaneEndpoint', '--control-plane-endpoint', 'controlPlaneEndpoint'),
  cluster('certDir', '--cert-dir', 'certificatesDir'),
  cluster('imageRepository', '--image-repository', 'imageRepository'),
  cluster('featureGates', '--feature-gates', 'featureGates'),
  kadm('networkBackend', '--network-backend', 'spec.network.backend'),
  kadm('networkPort', '--network-port', 'spec.network.port'),
  kadm('networkVni', '--network-vni', 'spec.network.vni'),
  cluster('apiserverCertExtraSans', '--apiserver-cert-extra-sans', 'apiServer.certSANs'),
];

export const JOIN_FLAGS: readonly FlagField[] = [
  join('nodeName', '--node-name', 'nodeRegistration.name'),
  join('criSocket', '--cri-socket', 'nodeRegistration.criSocket'),
  join('ignorePreflightErrors', '--ignore-preflight-errors', 'nodeRegistration.ignorePreflightErrors'),
  join('patches', '--patches', 'patches.directory'),
  join('skipPhases', '--skip-phases', 'skipPhases'),
  join('dryRun', '--dry-run', 'dryRun'),
  join('discoveryFile', '--discovery-file', 'discovery.file.kubeConfigPath'),
  join('endpoint', 'HOST:PORT', 'discovery.bootstrapToken.apiServerEndpoint'),
  join('discoveryTokenCaCertHash', '--discovery-token-ca-cert-hash', 'discovery.bootstrapToken.caCertHashes'),
  join(
    'discoveryTokenUnsafeSkipCaVerification',
    '--discovery-token-unsafe-skip-ca-verification',
    'discovery.bootstrapToken.unsafeSkipCAVerification',
  ),
  join(
    'apiserverAdvertiseAddress',
    '--apiserver-advertise-address',
    'controlPlane.localAPIEndpoint.advertiseAddress',
  ),
  join('apiserverBindPort', '--apiserver-bind-port', 'controlPlane.localAPIEndpoint.bindPort'),
  { ...join('certificateKey', '--certificate-key', 'controlPlane.certificateKey'), secret: true },
  { ...join('token', '--token', 'discovery.bootstrapToken.token'), secret: true },
  { ...join('discoveryToken', '--discovery-token', 'discovery.bootstrapToken.token'), secret: true },
  { ...join('tlsBootstrapToken', '--tls-bootstrap-token', 'discovery.tlsBootstrapToken'), secret: true },
];

export const RESET_FLAGS: readonly FlagField[] = [
  reset('force', '--force', 'force'),
  reset('skipPhases', '--skip-phases', 'skipPhases'),
  reset('dryRun', '--dry-run', 'dryRun'),
  reset('criSocket', '--cri-socket', 'criSocket'),
  reset('ignorePreflightErrors', '--ignore-preflight-errors', 'ignorePreflightErrors'),
];

/** A line for each flag that says something else than the file: the flag holds, and whoever wrote both shall know. */
export function contradictions(
  fields: readonly FlagField[],
  options: object,
  { documents, where }: Configuration,
): string[] {
  return fields.flatMap(({ option, flag, kind, path, secret }) => {
    const given = (options as Record<string, unknown>)[option];
    const place = where(kind, ...path.map((step) => (/^\d+$/.test(step) ? Number(step) : step)));
    const written = path.reduce<unknown>(
      (value, step) => (value as Record<string, unknown> | undefined)?.[step],
      documents[kind],
    );
    if (given === undefined || written === undefined || place === undefined || same(given, written))
      return [];
    const instead = secret === true ? '' : ` ${text(written)}`;
    const holds = secret === true ? flag : `${flag} ${text(given)}`;
    return [`${holds} is used in place of ${kind}.${path.join('.')}${instead} (${place})`];
  });
}

function same(given: unknown, written: unknown): boolean {
  return isDeepStrictEqual(given, written) || text(given) === text(written);
}

/** As a flag would say it. */
function text(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([key, one]) => `${key}=${one}`)
    .join(',');
}
