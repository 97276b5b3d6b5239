import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiError, type ClientOptions, ConnectionError, KubeClient } from '../../../src/kube/client.ts';
import { FakeApi, json } from './fake-api.ts';

let api: FakeApi;
let client: KubeClient;

beforeEach(async () => {
  api = new FakeApi();
  await api.start();
  client = new KubeClient(api.credentials);
});

afterEach(() => {
  client.close();
  api.stop();
});

/** What a call throws. */
async function thrownBy(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function use(options: ClientOptions, over: object = {}): void {
  client.close();
  client = new KubeClient({ ...api.credentials, ...over }, options);
}

describe('a call', () => {
  test('of an object gives the object', async () => {
    api.handler = (_, response) => json(response, 200, { kind: 'Node' });
    expect(await client.get('/api/v1/nodes/h1')).toEqual({ kind: 'Node' });
    expect(api.seen[0]).toMatchObject({ method: 'GET' });
    expect(api.seen[0]?.url.pathname).toBe('/api/v1/nodes/h1');
  });

  test('uses one kept-alive connection for the next call too', async () => {
    for (let count = 0; count < 3; count += 1) await client.text('/livez');
    expect(api.seen.map(({ connection }) => connection)).toEqual([1, 1, 1]);
  });

  test('is made again when the server had closed the connection meanwhile', async () => {
    await client.text('/livez');
    api.handler = ({ connection }, response) => {
      if (connection === 1) response.socket?.destroy();
      else response.end('ok');
    };
    expect(await client.text('/livez')).toBe('ok');
    expect(api.seen.map(({ connection }) => connection)).toEqual([1, 1, 2]);
  });

  test('that creates is never made twice', async () => {
    await client.text('/livez');
    api.handler = (_, response) => response.socket?.destroy();
    expect(await thrownBy(client.create('/api/v1/nodes', {}))).toBeInstanceOf(ConnectionError);
    expect(api.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('carries the token in its header and in no error', async () => {
    use({}, { token: 'abcdef.0123456789abcdef' });
    api.handler = (_, response) => json(response, 401, { reason: 'Unauthorized', message: 'Unauthorized' });
    const error = await thrownBy(client.get('/api/v1/nodes'));
    expect(api.seen[0]?.headers.authorization).toBe('Bearer abcdef.0123456789abcdef');
    expect((error as Error).stack).not.toContain('0123456789abcdef');
  });
});

describe('a refusal', () => {
  test('tells the call, the status and what the server said', async () => {
    const status = { kind: 'Status', code: 403, reason: 'Forbidden', message: 'nodes is forbidden' };
    api.handler = (_, response) => json(response, 403, status);
    const error = await thrownBy(client.get('/api/v1/nodes', { limit: 1 }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 403, reason: 'Forbidden' });
    expect(error).toMatchObject({
      detail: 'GET /api/v1/nodes: 403 nodes is forbidden',
      message: 'the API server does not allow this: GET /api/v1/nodes: 403 nodes is forbidden',
    });
  });

  test('of finding what is not there is no error', async () => {
    api.handler = (_, response) => json(response, 404, { reason: 'NotFound' });
    expect(await client.find('/api/v1/nodes/h9')).toBeUndefined();
    api.handler = (_, response) => json(response, 500, {});
    expect(await thrownBy(client.find('/api/v1/nodes/h9'))).toBeInstanceOf(ApiError);
  });

  test('of a health endpoint names the checks that do not pass', async () => {
    api.handler = (_, response) => {
      response.statusCode = 500;
      response.end('[+]ping ok\n[-]etcd failed: reason withheld\n[+]log ok\nreadyz check failed\n');
    };
    expect(await thrownBy(client.text('/readyz'))).toMatchObject({
      detail: 'GET /readyz: 500 not ready: etcd',
    });
  });

  test('that is a long page of somebody else is told in part only', async () => {
    api.handler = (_, response) => {
      response.statusCode = 502;
      response.end(`<html>${'x'.repeat(100_000)}`);
    };
    const error = (await thrownBy(client.get('/api'))) as ApiError;
    expect(error.detail).toMatch(/^GET \/api: 502 <html>x/);
    expect(error.message.length).toBeLessThan(400);
  });

  test('that asks to come back later is followed', async () => {
    api.handler = (_, response) => {
      if (api.seen.length < 3) json(response, 429, { reason: 'TooManyRequests' }, { 'retry-after': '0.01' });
      else json(response, 200, { done: true });
    };
    expect(await client.get('/api')).toEqual({ done: true });
    expect(api.seen).toHaveLength(3);
  });

  test('that asks to come back too late is told at once', async () => {
    use({ timeoutMs: 500 });
    api.handler = (_, response) => json(response, 503, { message: 'busy' }, { 'retry-after': '3' });
    expect(await thrownBy(client.get('/api'))).toMatchObject({ status: 503, detail: 'GET /api: 503 busy' });
    expect(api.seen).toHaveLength(1);
  });
});

describe('no answer', () => {
  test('because nobody listens is a connection error with the code', async () => {
    api.stop();
    const error = await thrownBy(client.get('/api'));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    expect((error as ConnectionError).detail).toContain(`GET ${api.credentials.server}/api: `);
  });

  test('within the bound is an error that tells the bound', async () => {
    use({ timeoutMs: 50 });
    api.handler = () => {};
    expect(await thrownBy(client.get('/api'))).toMatchObject({
      name: 'ConnectionError',
      message: expect.stringMatching(/no answer within 0.05 s$/),
    });
  });

  test('that comes to its end within the bound is the same error', async () => {
    use({ timeoutMs: 50 });
    api.handler = (_, response) => response.write('{"half":');
    expect(await thrownBy(client.get('/api'))).toMatchObject({
      message: expect.stringMatching(/no answer within/),
    });
  });

  test('of bounded size is an error', async () => {
    use({ maxResponseBytes: 1000 });
    api.handler = (_, response) => response.end('x'.repeat(1001));
    expect(await thrownBy(client.text('/api'))).toMatchObject({
      message: expect.stringMatching(/more than 1000 bytes/),
    });
  });

  test('is waited for no longer once the caller gives up', async () => {
    api.handler = () => {};
    const reason = new Error('given up');
    const abort = new AbortController();
    const call = thrownBy(client.get('/api', {}, abort.signal));
    abort.abort(reason);
    expect(await call).toBe(reason);
  });
});

describe('a server', () => {
  test('of another CA is not talked to', async () => {
    const other = new FakeApi();
    await other.start();
    use({}, { caPem: other.credentials.caPem });
    other.stop();
    const error = await thrownBy(client.get('/api'));
    expect(error).toMatchObject({ message: expect.stringMatching(/not signed by the CA of the cluster/) });
    expect(api.seen).toHaveLength(0);
  });

  test('is expected to have the name that was given for it', async () => {
    use({}, { serverName: 'localhost' });
    await client.text('/livez');
    use({}, { serverName: 'elsewhere' });
    expect(await thrownBy(client.text('/livez'))).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    expect(api.seen).toHaveLength(1);
  });
});

describe('a list', () => {
  test('is read page by page to its end', async () => {
    api.handler = ({ url }, response) => {
      const from = Number(url.searchParams.get('continue') ?? '0');
      const more = from < 4 ? { continue: String(from + 2) } : {};
      json(response, 200, { metadata: { resourceVersion: '7', ...more }, items: [from, from + 1] });
    };
    expect(await client.list('/api/v1/nodes', { labelSelector: 'a=b' })).toEqual({
      items: [0, 1, 2, 3, 4, 5],
      resourceVersion: '7',
    });
    for (const { url } of api.seen) {
      expect([url.searchParams.get('limit'), url.searchParams.get('labelSelector')]).toEqual(['100', 'a=b']);
    }
  });

  test('without items is empty', async () => {
    api.handler = (_, response) => json(response, 200, { metadata: { resourceVersion: '1' }, items: null });
    expect((await client.list('/api/v1/nodes')).items).toEqual([]);
  });
});

describe('a change', () => {
  test('by apply owns its fields as kadm and takes them over from others', async () => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'kube-system' } };
    await client.apply(object);
    await client.apply(object, { fieldManager: 'other', subresource: 'status' });
    const [first, second] = api.seen;
    expect(first?.url.href).toBe(
      'https://fake/api/v1/namespaces/kube-system/configmaps/a?fieldManager=kadm&force=true',
    );
    expect(first).toMatchObject({ method: 'PATCH', body: JSON.stringify(object) });
    expect(first?.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(second?.url.href).toContain('/configmaps/a/status?fieldManager=other');
  });

  test('by the other verbs sends what was given', async () => {
    await client.create('/api/v1/nodes', { a: 1 });
    await client.replace('/api/v1/nodes/h1', { b: 2 });
    await client.patch('/api/v1/nodes/h1', { c: 3 }, 'application/merge-patch+json');
    await client.delete('/api/v1/nodes/h1');
    expect(api.seen.map(({ method, body, headers }) => [method, body, headers['content-type']])).toEqual([
      ['POST', '{"a":1}', 'application/json'],
      ['PUT', '{"b":2}', 'application/json'],
      ['PATCH', '{"c":3}', 'application/merge-patch+json'],
      ['DELETE', '', undefined],
    ]);
  });
});
