import { expect, test } from 'vitest';
import { withBuildLock } from '../../../../src/components/build/lock.ts';
import { scratchFolders } from '../scratch.ts';

const scratch = scratchFolders();
const { signal } = new AbortController();

test('two builds into one cache run one after the other, and the second says that it waits', async () => {
  const cacheDirectory = await scratch();
  const happened: string[] = [];
  const secondWaits = Promise.withResolvers<void>();
  const say = (message: string): void => {
    happened.push(`second says: ${message}`);
    secondWaits.resolve();
  };
  const first = withBuildLock({ cacheDirectory, signal, onProgress: () => {} }, async () => {
    happened.push('first begins');
    await secondWaits.promise;
    happened.push('first ends');
  });
  await expect.poll(() => happened).toEqual(['first begins']);
  await withBuildLock({ cacheDirectory, signal, onProgress: say }, async () =>
    happened.push('second begins'),
  );
  await first;
  expect(happened).toEqual([
    'first begins',
    'second says: waiting for another kadm that builds components',
    'first ends',
    'second begins',
  ]);
});

test('a build that fails lets the next one in', async () => {
  const lock = { cacheDirectory: await scratch(), signal, onProgress: () => {} };
  await expect(withBuildLock(lock, () => Promise.reject(new Error('no compiler')))).rejects.toThrow(
    'no compiler',
  );
  expect(await withBuildLock(lock, async () => 'built')).toBe('built');
});

test('who waits can be interrupted', async () => {
  const abort = new AbortController();
  const lock = { cacheDirectory: await scratch(), signal: abort.signal, onProgress: () => abort.abort() };
  await withBuildLock({ ...lock, signal }, async () => {
    await expect(withBuildLock(lock, async () => 'never')).rejects.toThrow(/abort/);
  });
});
