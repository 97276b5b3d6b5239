import { expect, test } from 'vitest';
import { type Wait, waitFor } from '../../../src/phases/wait.ts';

const wait = (given: Partial<Wait>): Promise<void> =>
  waitFor({
    what: 'the thing',
    timeoutMs: 50,
    intervalMs: 1,
    signal: new AbortController().signal,
    progress: () => {},
    check: async () => undefined,
    ...given,
  });

test('ends when it is there', async () => {
  let asked = 0;
  await wait({ check: async () => (++asked < 3 ? 'not yet' : undefined) });
  expect(asked).toBe(3);
});

test('after its bound says what was missing, and what the diagnosis found', async () => {
  await expect(wait({ check: async () => 'it sleeps', diagnose: async () => 'its log' })).rejects.toThrow(
    'the thing did not come within 0.05 s: it sleeps\nits log',
  );
});

test('ends at its bound when a check never ends', async () => {
  await expect(wait({ check: () => new Promise(() => {}) })).rejects.toThrow(
    'the thing did not come within 0.05 s: no answer',
  );
});

test('asks once also where there is no time', async () => {
  await expect(wait({ timeoutMs: 0, check: async () => undefined })).resolves.toBeUndefined();
});

test('ends with the reason of who stops it, also during a check', async () => {
  const stop = new AbortController();
  const stopped = wait({ timeoutMs: 60_000, signal: stop.signal, check: () => new Promise(() => {}) });
  stop.abort(new Error('enough'));
  await expect(stopped).rejects.toThrow('enough');
});

test('what a check throws ends it', async () => {
  await expect(wait({ check: () => Promise.reject(new Error('broken')) })).rejects.toThrow('broken');
});
