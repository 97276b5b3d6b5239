import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.ts';
import { fetchClusterInfo } from '../../../src/kube/cluster-info.ts';
import { FakeApi, json } from './fake-api.ts';

let api: FakeApi;

beforeEach(async () => {
  api = new FakeApi();
  await api.start();
});

afterEach(() => api.stop());

const fetched = async (server = api.credentials.server): Promise<unknown> =>
  await fetchClusterInfo(server, AbortSignal.timeout(2000));

describe('cluster-info of a server that is not known yet', () => {
  test('is read without credentials and without trust', async () => {
    api.handler = (_, response) => json(response, 200, { data: { kubeconfig: 'text' } });
    expect(await fetched()).toMatchObject({ data: { kubeconfig: 'text' } });
    expect(api.seen[0]?.url.pathname).toBe('/api/v1/namespaces/kube-public/configmaps/cluster-info');
    expect(api.seen[0]?.headers.authorization).toBeUndefined();
  });

  test('tells by how much the clock here is ahead of the server’s', async () => {
    api.handler = (_, response) => {
      response.setHeader('date', new Date(Date.now() + 86_400_000).toUTCString());
      json(response, 200, { data: {} });
    };
    const { clockAheadMs = 0 } = (await fetched()) as { clockAheadMs?: number };
    expect(Math.abs(clockAheadMs + 86_400_000)).toBeLessThan(5_000);
  });

  test.each([
    ['a refusal', '{"kind":"Status","code":403}'],
    ['no JSON', '<html>'],
    ['another shape', '{"data":{"kubeconfig":7}}'],
  ])('that is %s is an error a user can act on', async (_, body) => {
    api.handler = (__, response) => response.end(body);
    await expect(fetched()).rejects.toThrow(/has no cluster-info for joining nodes/);
  });

  test('that never ends is cut off', async () => {
    api.handler = (_, response) => {
      const chunk = 'x'.repeat(64 * 1024);
      const more = (): boolean => !response.destroyed && response.write(chunk, () => setImmediate(more));
      more();
    };
    await expect(fetched()).rejects.toThrow(/does not end/);
  });

  test('that comes a byte at a time is not waited for longer', async () => {
    api.handler = (_, response) => {
      const drip = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(drip));
    };
    const { server } = api.credentials;
    const answer = fetchClusterInfo(server, AbortSignal.timeout(2000), 100);
    await expect(answer).rejects.toThrow('no answer within 0.1 s');
  });

  test('at an address where nobody listens is an error that names the address', async () => {
    api.stop();
    const { server } = api.credentials;
    await expect(fetched()).rejects.toBeInstanceOf(UserError);
    await expect(fetched()).rejects.toThrow(`cannot reach the API server at ${server}`);
  });
});
