import { setTimeout as sleep } from 'node:timers/promises';
import { bracketed } from '../config/family.ts';
import { UserError } from '../errors.ts';
import type { ApiCredentials } from '../pki/kubeconfig.ts';
import type { Token } from '../pki/token.ts';
import { ApiError, detailOf, KubeClient } from './client.ts';
import { deleteToken, findToken, noToken } from './tokens.ts';

/** By then an API server knows that a Secret is gone: asked before, it would remember the token once more. */
const FIRST_ASKED_MS = 300;
const ASKED_EVERY_MS = 250;
/** Each remembers for 10 s that a token was right (TokenSuccessCacheTTL of kube-apiserver, which no flag changes). */
const FORGOTTEN_MS = 15_000;
const CALL_TIMEOUT_MS = 3_000;

const API_SERVERS = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';

interface EndpointSlice {
  readonly endpoints?: readonly { readonly addresses: readonly string[] }[] | null;
  readonly ports?: readonly { readonly port: number }[] | null;
}

/**
 * Deletes tokens, and returns when no API server of the cluster takes them any more.
 * @param ca the cluster's, in PEM
 * @param onWait told once when one of them still takes a token
 * @throws UserError when one of them does not exist, and then none is deleted; when an API server takes one, or says
 * nothing, for too long
 */
export async function revokeTokens(
  client: KubeClient,
  ids: readonly string[],
  ca: string,
  onWait: (message: string) => void,
): Promise<void> {
  const looked = await Promise.all(ids.map(async (id) => ({ id, token: await findToken(client, id) })));
  const missing = looked.filter(({ token }) => token === undefined).map(({ id }) => id);
  if (missing.length > 0) {
    throw noToken(`${missing.join(' and no token ')}${ids.length > 1 ? '; nothing was revoked' : ''}`);
  }
  const tokens = looked.flatMap(({ token }) => token ?? []);
  for (const { id } of tokens) await deleteToken(client, id);
  const servers = await apiServers(client);
  const told = once(() => onWait('an API server remembers it for up to 10 s: waiting until it is refused'));
  await sleep(FIRST_ASKED_MS);
  await Promise.all(
    tokens
      .filter(({ authenticates }) => authenticates)
      .flatMap((token) => servers.map((server) => untilRefused({ server, caPem: ca }, token, told))),
  );
}

/** Each of them, not the balancer that may stand before: every one has a memory of its own. */
async function apiServers(client: KubeClient): Promise<string[]> {
  const labelSelector = 'kubernetes.io/service-name=kubernetes';
  const { items } = await client.list<EndpointSlice>(API_SERVERS, { labelSelector });
  return items.flatMap(({ endpoints, ports }) => {
    const addresses = (endpoints ?? []).flatMap((endpoint) => endpoint.addresses);
    return addresses.flatMap((address) =>
      (ports ?? []).map(({ port }) => `https://${bracketed(address)}:${port}`),
    );
  });
}

async function untilRefused(api: ApiCredentials, { id, secret }: Token, told: () => void): Promise<void> {
  const client = new KubeClient({ ...api, token: `${id}.${secret}` }, { timeoutMs: CALL_TIMEOUT_MS });
  const end = performance.now() + FORGOTTEN_MS;
  try {
    for (;;) {
      const why = await whyNotRefused(client);
      if (why === undefined) return;
      if (performance.now() > end) {
        throw new UserError(`token ${id} is deleted, but ${api.server} ${why}`, {
          remedy:
            'find out what that API server does: until it is told of the deletion, or stopped, it may take the token',
        });
      }
      told();
      await sleep(ASKED_EVERY_MS);
    }
  } finally {
    client.close();
  }
}

async function whyNotRefused(client: KubeClient): Promise<string | undefined> {
  try {
    await client.text('/version');
    return 'still takes it';
  } catch (error) {
    if (!(error instanceof ApiError)) return `does not say whether it takes it: ${detailOf(error)}`;
    return error.status === 401 ? undefined : 'still takes it';
  }
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}
