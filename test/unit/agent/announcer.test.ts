import { expect, it } from 'vitest';
import { Announcer } from '../../../src/agent/announcer.ts';
import { node } from '../cni/nodes.ts';

it('what cannot be said is said later, and only the latest of it', async () => {
  const said: unknown[] = [];
  const warnings: string[] = [];
  let away = true;
  const client = {
    patch: async <T>(_path: string, body: unknown): Promise<T> => {
      if (away) throw new Error('the API server is away');
      return said.push(body) as T;
    },
  };
  const announcer = new Announcer(client, (_, message) => void warnings.push(message));
  const stop = new AbortController();
  const running = announcer.start(stop.signal);
  announcer.tell(node(1), undefined, { ready: false, why: 'no route' });
  await expect.poll(() => warnings).toEqual(['not announced: the API server is away']);
  announcer.tell(node(1), undefined, { ready: true });
  away = false;
  await expect.poll(() => said.length, { timeout: 3_000 }).toBe(1);
  expect(said).toMatchObject([{ status: { conditions: [{ reason: 'KadmNetworkReady' }] } }]);
  stop.abort();
  await running;
});
