import { parse, parseDocument, stringify } from 'yaml';
import { z } from 'zod';
import { EXIT, messageOf, UserError } from '../errors.ts';

/** Where an API server is, whom to trust, and who we are. */
export interface ApiCredentials {
  /** https://host:port */
  readonly server: string;
  readonly caPem: string;
  readonly certPem?: string;
  readonly keyPem?: string;
  readonly token?: string;
  /** The name to expect in the server's certificate, where that is not the host of `server`. */
  readonly serverName?: string;
}

export interface KubeconfigSpec {
  readonly server: string;
  /** Undefined only where it is not known yet, in a kubeconfig that waits for its certificate. */
  readonly caPem: string | undefined;
  readonly clusterName: string;
  readonly userName: string;
  readonly certPem?: string;
  readonly keyPem?: string;
  /** Path of a file with certificate and key, which something else renews. */
  readonly certificateFile?: string;
  readonly token?: string;
}

/** A kubeconfig of one cluster, one user and one context, named as kubeadm names them. */
export function buildKubeconfig(spec: KubeconfigSpec): string {
  const context = `${spec.userName}@${spec.clusterName}`;
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
  const user = {
    ...(spec.certPem === undefined ? {} : { 'client-certificate-data': base64(spec.certPem) }),
    ...(spec.keyPem === undefined ? {} : { 'client-key-data': base64(spec.keyPem) }),
    ...(spec.certificateFile === undefined
      ? {}
      : { 'client-certificate': spec.certificateFile, 'client-key': spec.certificateFile }),
    ...(spec.token === undefined ? {} : { token: spec.token }),
  };
  return stringify(
    {
      apiVersion: 'v1',
      clusters: [
        {
          cluster: {
            ...(spec.caPem === undefined ? {} : { 'certificate-authority-data': base64(spec.caPem) }),
            server: spec.server,
          },
          name: spec.clusterName,
        },
      ],
      contexts: [{ context: { cluster: spec.clusterName, user: spec.userName }, name: context }],
      'current-context': context,
      kind: 'Config',
      users: [{ name: spec.userName, user }],
    },
    { lineWidth: 0, indentSeq: false },
  );
}

/** The kubeconfig inside cluster-info: where the cluster is and whom to trust, and no user. */
export function buildClusterInfo(server: string, caPem: string): string {
  const cluster = { 'certificate-authority-data': Buffer.from(caPem).toString('base64'), server };
  const text = {
    apiVersion: 'v1',
    clusters: [{ cluster, name: '' }],
    contexts: null,
    'current-context': '',
    kind: 'Config',
    users: null,
  };
  return stringify(text, { lineWidth: 0, indentSeq: false });
}

const schema = z.looseObject({
  clusters: z
    .array(
      z.looseObject({
        name: z.string().optional(),
        cluster: z.looseObject({
          server: z.url({ protocol: /^https$/ }),
          'certificate-authority-data': z.base64(),
          'tls-server-name': z.string().optional(),
        }),
      }),
    )
    .min(1),
  users: z
    .array(
      z.looseObject({
        user: z.looseObject({
          'client-certificate': z.string().optional(),
          'client-certificate-data': z.base64().optional(),
          'client-key': z.string().optional(),
          'client-key-data': z.base64().optional(),
          token: z.string().optional(),
        }),
      }),
    )
    .nullish(),
});

const unsignedSchema = z.looseObject({
  users: z.tuple([
    z.looseObject({
      user: z.looseObject({
        'client-certificate': z.undefined().optional(),
        'client-certificate-data': z.undefined().optional(),
        'client-key-data': z.base64(),
      }),
    }),
  ]),
});

/**
 * The first cluster and the first user of a kubeconfig: those that kadm and kubeadm write have one of each.
 * @param readFile gives the content of certificate and key files that it names; left out, they are not read
 * @throws UserError when it is not a kubeconfig with the CA inside; its content is not echoed
 */
export function credentialsFrom(text: string, readFile?: (path: string) => string): ApiCredentials {
  const { clusters, users } = parseKubeconfig(text);
  const cluster = clusters[0]?.cluster;
  if (cluster === undefined) throw notAKubeconfig();
  const user = users?.[0]?.user;
  const certPem = pemFrom(user?.['client-certificate-data'], user?.['client-certificate'], readFile);
  const keyPem = pemFrom(user?.['client-key-data'], user?.['client-key'], readFile);
  const serverName = cluster['tls-server-name'];
  return {
    server: cluster.server,
    caPem: decode(cluster['certificate-authority-data']),
    ...(certPem === undefined ? {} : { certPem }),
    ...(keyPem === undefined ? {} : { keyPem }),
    ...(user?.token === undefined ? {} : { token: user.token }),
    ...(serverName === undefined ? {} : { serverName }),
  };
}

/**
 * The same, of a file that somebody named.
 * @throws UserError (usage) naming the file, when it is no such kubeconfig or a file that it names cannot be read
 */
export function credentialsIn(
  path: string,
  text: string,
  readFile?: (path: string) => string,
): ApiCredentials {
  try {
    return credentialsFrom(text, readFile);
  } catch (error) {
    const why =
      error instanceof UserError ? error.message : `it names what cannot be read: ${messageOf(error)}`;
    throw new UserError(`${path}: ${why}`, {
      remedy: 'name a kubeconfig of the cluster that holds its CA certificate (certificate-authority-data)',
      exitCode: EXIT.usage,
    });
  }
}

/** The file in which a kubeconfig's user has its certificate; undefined when it has it inside, or none. */
export function certificateFileOf(text: string): string | undefined {
  return parseKubeconfig(text).users?.[0]?.user['client-certificate'];
}

export function clusterNameOf(text: string): string | undefined {
  return parseKubeconfig(text).clusters[0]?.name;
}

/** The same kubeconfig with another certificate and key of its first user; all else stays as it is. */
export function withCredentials(text: string, certPem: string, keyPem: string): string {
  const document = parseDocument(text);
  const user = ['users', 0, 'user'];
  document.setIn([...user, 'client-certificate-data'], Buffer.from(certPem).toString('base64'));
  document.setIn([...user, 'client-key-data'], Buffer.from(keyPem).toString('base64'));
  return document.toString({ lineWidth: 0, indentSeq: false });
}

/** The key in a kubeconfig whose user has a key and no certificate yet; undefined for any other text. */
export function unsignedKeyOf(text: string): string | undefined {
  const result = unsignedSchema.safeParse(yamlFrom(text));
  return result.success ? decode(result.data.users[0].user['client-key-data']) : undefined;
}

function parseKubeconfig(text: string): z.infer<typeof schema> {
  const result = schema.safeParse(yamlFrom(text));
  if (!result.success) throw notAKubeconfig();
  return result.data;
}

function yamlFrom(text: string): unknown {
  try {
    return parse(text, { logLevel: 'silent' });
  } catch {
    throw notAKubeconfig();
  }
}

/** Data beats a path, as client-go has it. */
function pemFrom(
  data: string | undefined,
  path: string | undefined,
  readFile: ((path: string) => string) | undefined,
): string | undefined {
  if (data !== undefined) return decode(data);
  return path === undefined ? undefined : readFile?.(path);
}

function decode(data: string): string {
  return Buffer.from(data, 'base64').toString('utf8');
}

function notAKubeconfig(): UserError {
  return new UserError('this is not a kubeconfig with its CA certificate inside', {
    remedy: 'restore the file that kadm init wrote, such as /etc/kubernetes/admin.conf',
  });
}
