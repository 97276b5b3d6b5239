import { UserError } from '../errors.ts';
import { signatureKey, signedClusterInfo } from '../pki/jws.ts';
import {
  bootstrapTokenSecret,
  TOKEN_USAGES,
  type Token,
  type TokenOptions,
  type TokenUsage,
} from '../pki/token.ts';
import { ApiError, type KubeClient } from './client.ts';

const SECRETS = '/api/v1/namespaces/kube-system/secrets';
const CLUSTER_INFO = '/api/v1/namespaces/kube-public/configmaps/cluster-info';
const TYPE = 'bootstrap.kubernetes.io/token';

/** A join token without its secret. */
export interface TokenInfo {
  readonly id: string;
  /** RFC 3339; undefined for one that does not expire. */
  readonly expires: string | undefined;
  readonly usages: readonly TokenUsage[];
  readonly description: string;
  readonly groups: readonly string[];
}

interface ConfigMap {
  readonly data?: Readonly<Record<string, string>>;
}

interface Secret {
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * Makes a join token, and signs cluster-info with it, as the cluster's own signer would some seconds later.
 * @throws UserError when there is a token with this id already
 */
export async function createToken(client: KubeClient, token: Token, options: TokenOptions): Promise<void> {
  await create(client, bootstrapTokenSecret(token, options));
  if (options.usages?.includes('signing') === false) return;
  const { data } = await client.get<ConfigMap>(CLUSTER_INFO);
  const signed = { data: signedClusterInfo(data?.kubeconfig ?? '', token) };
  await client.patch(CLUSTER_INFO, signed, 'application/merge-patch+json');
}

async function create(client: KubeClient, secret: ReturnType<typeof bootstrapTokenSecret>): Promise<void> {
  try {
    await client.create(SECRETS, secret);
  } catch (error) {
    if (!isStatus(error, 409)) throw error;
    throw new UserError(
      `there is a token already that begins as this one: ${secret.metadata.name.slice(-6)}`,
      {
        remedy: 'give another one, or none to have it made up',
      },
    );
  }
}

export async function listTokens(client: KubeClient): Promise<TokenInfo[]> {
  const { items } = await client.list<Secret>(SECRETS, { fieldSelector: `type=${TYPE}` });
  return items.map((one) => {
    const read = (key: string): string => field(one, key);
    const expires = read('expiration');
    return {
      id: read('token-id'),
      expires: expires === '' ? undefined : expires,
      usages: TOKEN_USAGES.filter((usage) => read(`usage-bootstrap-${usage}`) === 'true'),
      description: read('description'),
      groups: read('auth-extra-groups')
        .split(',')
        .filter((group) => group !== ''),
    };
  });
}

export interface FoundToken extends Token {
  /** Whether calls may be made with it. */
  readonly authenticates: boolean;
}

/** A token with its secret; undefined where there is none with this id. */
export async function findToken(client: KubeClient, id: string): Promise<FoundToken | undefined> {
  const found = await client.find<Secret>(`${SECRETS}/bootstrap-token-${id}`);
  if (found === undefined) return undefined;
  const authenticates = field(found, 'usage-bootstrap-authentication') === 'true';
  return { id, secret: field(found, 'token-secret'), authenticates };
}

/**
 * Deletes a token, and takes its signature off cluster-info: nobody has to wait for the cluster's own signer. Whoever
 * called with it a moment ago may go on for 10 s; to wait for that, see revokeTokens.
 * @throws UserError when there is no such token
 */
export async function deleteToken(client: KubeClient, id: string): Promise<void> {
  try {
    await client.delete(`${SECRETS}/bootstrap-token-${id}`);
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    throw noToken(id);
  }
  await withoutSignature(client, id);
}

/** @param ids one, or several in words */
export function noToken(ids: string): UserError {
  return new UserError(`there is no token ${ids}`, { remedy: '`kadm token list` shows those there are' });
}

function field({ data }: Secret, key: string): string {
  return Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');
}

async function withoutSignature(client: KubeClient, id: string): Promise<void> {
  try {
    const change = { data: { [signatureKey(id)]: null } };
    await client.patch(CLUSTER_INFO, change, 'application/merge-patch+json');
  } catch (error) {
    // Some remove cluster-info once all nodes have joined.
    if (!isStatus(error, 404)) throw error;
  }
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof ApiError && error.status === status;
}
