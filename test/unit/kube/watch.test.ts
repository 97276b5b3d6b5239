import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConnectionError, KubeClient } from '../../../src/kube/client.ts';
import type { WatchEvent } from '../../../src/kube/watch-event.ts';
import { FakeApi, json } from './fake-api.ts';

let api: FakeApi;
let client: KubeClient;
let abort: AbortController;

beforeEach(async () => {
  api = new FakeApi();
  await api.start();
  client = new KubeClient(api.credentials, { timeoutMs: 1000 });
  abort = new AbortController();
});

afterEach(() => {
  client.close();
  api.stop();
});

interface Thing {
  readonly name: string;
}

async function events(silenceMs = 1000): Promise<WatchEvent<Thing>[]> {
  const found: WatchEvent<Thing>[] = [];
  const options = { resourceVersion: '5', signal: abort.signal, silenceMs };
  for await (const event of client.watch<Thing>('/api/v1/nodes', options)) found.push(event);
  return found;
}

const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;

describe('a watch', () => {
  test('asks to go on from a version, with bookmarks, and gives the events in order', async () => {
    api.handler = (_, response) =>
      response.end(line('ADDED', { name: 'a' }) + line('BOOKMARK', { name: '' }));
    expect(await events()).toEqual([
      { type: 'ADDED', object: { name: 'a' } },
      { type: 'BOOKMARK', object: { name: '' } },
    ]);
    expect(Object.fromEntries(api.seen[0]?.url.searchParams ?? [])).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '5',
      timeoutSeconds: '300',
    });
  });

  test('is not confused by where the bytes are cut, in the middle of a character too', async () => {
    const bytes = Buffer.from(line('ADDED', { name: 'zoë 漢字' }) + line('MODIFIED', { name: '🙂' }));
    api.handler = async (_, response) => {
      for (const byte of bytes) {
        response.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      response.end();
    };
    expect((await events()).map(({ object }) => object)).toEqual([{ name: 'zoë 漢字' }, { name: '🙂' }]);
  });

  test('gives an event as soon as it comes, and ends quietly with the signal', async () => {
    api.handler = (_, response) => response.write(line('ADDED', { name: 'a' }));
    const options = { resourceVersion: '', signal: abort.signal };
    const found: string[] = [];
    for await (const event of client.watch<Thing>('/api/v1/nodes', options)) {
      found.push(event.type);
      abort.abort();
    }
    expect(found).toEqual(['ADDED']);
  });

  test('that the server refuses tells why', async () => {
    api.handler = (_, response) => json(response, 410, { reason: 'Expired', message: 'too old' });
    await expect(events()).rejects.toMatchObject({ name: 'ApiError', status: 410, reason: 'Expired' });
  });

  test('gives an error of the server as its last event', async () => {
    api.handler = (_, response) =>
      response.end(line('ERROR', { kind: 'Status', code: 410, reason: 'Expired' }));
    expect(await events()).toEqual([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
  });

  test('on which nothing comes any more is given up as dead', async () => {
    api.handler = (_, response) => response.write(line('ADDED', { name: 'a' }));
    await expect(events(50)).rejects.toThrow(/nothing came for 0.05 s/);
  });

  test('that breaks off is a connection error', async () => {
    api.handler = (_, response) => {
      response.write(line('ADDED', { name: 'a' }));
      setImmediate(() => response.socket?.destroy());
    };
    await expect(events()).rejects.toBeInstanceOf(ConnectionError);
  });

  test('that is never answered ends within the bound of a call', async () => {
    client.close();
    client = new KubeClient(api.credentials, { timeoutMs: 50 });
    api.handler = () => {};
    await expect(events()).rejects.toThrow(/no answer within 0.05 s/);
  });

  test('outlives the bound of a call once it has begun', async () => {
    client.close();
    client = new KubeClient(api.credentials, { timeoutMs: 500 });
    api.handler = (_, response) => {
      response.write(line('ADDED', { name: 'a' }));
      setTimeout(() => response.end(line('ADDED', { name: 'b' })), 800);
    };
    expect(await events()).toHaveLength(2);
  });

  test('takes no connection away from calls', async () => {
    client.close();
    // Forty handshakes at once take their time on a busy machine.
    client = new KubeClient(api.credentials, { timeoutMs: 10_000 });
    api.handler = ({ url }, response) => {
      if (url.searchParams.has('watch')) response.write(line('ADDED', { name: 'a' }));
      else response.end('ok');
    };
    const watches = Array.from({ length: 40 }, async () => await events());
    while (api.seen.length < 40) await new Promise(setImmediate);
    expect(await client.text('/livez')).toBe('ok');
    abort.abort();
    await Promise.all(watches);
  });
});
