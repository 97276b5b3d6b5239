import { afterEach, beforeEach, expect, test } from 'vitest';
import { KubeClient } from '../../../src/kube/client.ts';
import { revokeTokens } from '../../../src/kube/token-revocation.ts';
import { findToken } from '../../../src/kube/tokens.ts';
import { FakeApi, json } from './fake-api.ts';

let api: FakeApi;
let client: KubeClient;

beforeEach(async () => {
  api = new FakeApi();
  await api.start();
  client = new KubeClient(api.credentials);
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  api.handler = ({ url }, response) => {
    if (!url.pathname.endsWith('/bootstrap-token-aaaaaa')) return json(response, 404, { reason: 'NotFound' });
    const data = {
      'token-secret': base64('0123456789abcdef'),
      'usage-bootstrap-authentication': base64('true'),
    };
    json(response, 200, { data });
  };
});

afterEach(() => {
  client.close();
  api.stop();
});

test('a token is found with its secret', async () => {
  expect(await findToken(client, 'aaaaaa')).toEqual({
    id: 'aaaaaa',
    secret: '0123456789abcdef',
    authenticates: true,
  });
  expect(await findToken(client, 'zzzzzz')).toBeUndefined();
});

test('of several tokens none is deleted when some do not exist, which are named', async () => {
  const revoked = revokeTokens(client, ['aaaaaa', 'yyyyyy', 'zzzzzz'], api.credentials.caPem, () => {});
  await expect(revoked).rejects.toMatchObject({
    message: 'there is no token yyyyyy and no token zzzzzz; nothing was revoked',
    exitCode: 1,
  });
  expect(api.seen.filter(({ method }) => method !== 'GET')).toEqual([]);
});
