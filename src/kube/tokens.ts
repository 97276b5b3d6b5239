import { UserError } from '../errors.ts';
import { signedClusterInfo } from '../pki/jws.ts';
import { bootstrapTokenSecret, type Token } from '../pki/token.ts';
import { ApiError, type KubeClient } from './client.ts';

const SECRETS = '/api/v1/namespaces/kube-system/secrets';
const CLUSTER_INFO = '/api/v1/namespaces/kube-public/configmaps/cluster-info';
const TYPE = 'bootstrap.kubernetes.io/token';

/** A join token without its secret. */
export interface TokenInfo {
  readonly id: string;
  /** ISO 8601; undefined for one that does not expire. */
  readonly expires: string | undefined;
  readonly description: string;
}

interface ConfigMap {
  readonly data?: Readonly<Record<string, string>>;
}

interface Secret {
  readonly data?: Readonly<Record<string, string>>;
}

/** Makes a join token, and signs cluster-info with it, as the cluster's own signer would some seconds later. */
export async function createToken(
  client: KubeClient,
  token: Token,
  options: { readonly expires: Date | undefined; readonly description: string },
): Promise<void> {
  await client.apply(bootstrapTokenSecret(token, options));
  const { data } = await client.get<ConfigMap>(CLUSTER_INFO);
  const signed = { data: signedClusterInfo(data?.kubeconfig ?? '', token) };
  await client.patch(CLUSTER_INFO, signed, 'application/merge-patch+json');
}

export async function listTokens(client: KubeClient): Promise<TokenInfo[]> {
  const { items } = await client.list<Secret>(SECRETS, { fieldSelector: `type=${TYPE}` });
  return items.map(({ data = {} }) => {
    const read = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
    const expires = read('expiration');
    return {
      id: read('token-id'),
      expires: expires === '' ? undefined : expires,
      description: read('description'),
    };
  });
}

/** @throws UserError when there is no such token */
export async function deleteToken(client: KubeClient, id: string): Promise<void> {
  try {
    await client.delete(`${SECRETS}/bootstrap-token-${id}`);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
    throw new UserError(`there is no token ${id}`, { remedy: '`kadm token list` shows those there are' });
  }
}
