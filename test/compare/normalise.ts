import { X509Certificate } from 'node:crypto';
import { parse } from 'yaml';

/*
 * Brings what two tools wrote into one form, so that only what means something is left to differ. Whatever is left
 * out here is told in docs/kubeadm-differences.md.
 */

type Plain = Record<string, unknown>;

/** A static pod; its arguments by their names, and no status. */
export function staticPod(text: string): unknown {
  const { status: _, ...pod } = parse(text) as Plain & {
    spec: { containers: (Plain & { command: string[] })[] };
  };
  const containers = pod.spec.containers.map(({ command, ...container }) => {
    const [program, ...args] = command;
    return { ...container, program, args: Object.fromEntries(args.map(argument)) };
  });
  return withoutNull({ ...pod, spec: { ...pod.spec, containers } });
}

function argument(text: string): [string, string] {
  const [name = '', ...value] = text.split('=');
  return [name, value.join('=')];
}

/** A kubeconfig: whom it says to be, where it leads, and where the key is; not the key. */
export function kubeconfig(text: string): unknown {
  const { clusters, contexts, users, ...rest } = parse(text) as {
    clusters: { name: string; cluster: Plain }[];
    contexts: unknown;
    users: { name: string; user: Record<string, string> }[] | null;
  };
  return {
    ...rest,
    contexts,
    clusters: clusters.map(({ name, cluster }) => ({
      name,
      cluster: { ...cluster, 'certificate-authority-data': 'a certificate' },
    })),
    users: users?.map(({ name, user }) => ({ name, user: { ...user, ...identity(user) } })),
  };
}

function identity(user: Record<string, string>): Record<string, string> {
  const data = user['client-certificate-data'];
  if (data === undefined) return {};
  const { subject, publicKey } = new X509Certificate(Buffer.from(data, 'base64'));
  return {
    'client-certificate-data': subject.split('\n').sort().join(', '),
    'client-key-data': `${publicKey.asymmetricKeyType}`,
  };
}

/** Texts inside ConfigMaps that are YAML themselves. */
const YAML_INSIDE = [
  'ClusterConfiguration',
  'kubelet',
  'config.conf',
  'kubeconfig.conf',
  'kubeconfig',
  'network',
];

/** Made anew with each cluster, so that two never have the same. */
const CERTIFICATE = /^-----BEGIN CERTIFICATE-----/;

/** An object of the API, without what the API server and time write into it. */
export function apiObject(object: ApiObject): unknown {
  const { status: _, metadata, spec, data, ...others } = object;
  const { labels, annotations } = metadata;
  const texts = Object.entries(data ?? {}).map(([key, text]) => [
    key.replace(/^jws-kubeconfig-.*/, 'jws-kubeconfig-ID'),
    dataOf(object.kind, key, text),
  ]);
  return withoutNull({
    ...others,
    metadata: { labels, annotations },
    // Pod CIDR and provider id are others' to give.
    spec: object.kind === 'Node' ? { taints: spec?.taints } : spec,
    data: Object.fromEntries(texts),
  });
}

export interface ApiObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: object;
    readonly annotations?: object;
    readonly managedFields?: readonly { readonly manager: string }[];
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: unknown;
  readonly data?: Readonly<Record<string, string>>;
}

function dataOf(kind: string, key: string, text: string): unknown {
  if (kind === 'Secret')
    return SECRET_BY_CHANCE.includes(key) ? 'made up' : Buffer.from(text, 'base64').toString();
  if (key.startsWith('jws-kubeconfig-')) return 'a signature';
  if (CERTIFICATE.test(text)) return 'a certificate';
  if (key === 'kubeconfig') return kubeconfig(text);
  return YAML_INSIDE.includes(key) ? configuration(parse(text)) : text;
}

const SECRET_BY_CHANCE: readonly string[] = ['token-id', 'token-secret', 'expiration'];

/**
 * A configuration of kubeadm, the kubelet or kube-proxy. kubeadm writes out what is not set: fields for which
 * zero would mean something as null, all others as zero.
 */
export function configuration(value: unknown): unknown {
  return without([null, undefined, '', 0, '0', '0s', false], value);
}

function withoutNull(value: unknown): unknown {
  return without([null, undefined], value);
}

/** The value without parts that are one of these, or empty; undefined where nothing is left. */
function without(nothing: readonly unknown[], value: unknown): unknown {
  if (nothing.includes(value)) return undefined;
  if (Array.isArray(value)) {
    return value.length === 0 ? undefined : value.map((one) => without(nothing, one) ?? one);
  }
  if (typeof value !== 'object' || value === null) return value;
  const left = Object.entries(value)
    .map(([key, one]) => [key, without(nothing, one)] as const)
    .filter(([, one]) => one !== undefined);
  return left.length === 0 ? undefined : Object.fromEntries(left);
}
