import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EXIT, UserError } from '../../../src/errors.ts';
import { withHostLock } from '../../../src/host/host-lock.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kadm-lock-'));
  file = join(folder, 'lock');
});
afterEach(async () => await rm(folder, { recursive: true }));

test('the second learns who holds it, and nothing is left of it', async () => {
  const second = await withHostLock(
    'kadm init',
    async () => await withHostLock('kadm reset', async () => 'in', file).catch((error: unknown) => error),
    file,
  );
  expect(second).toBeInstanceOf(UserError);
  expect((second as UserError).message).toMatch(
    new RegExp(`^another kadm changes this host: kadm init \\(pid ${process.pid}\\), since `),
  );
  expect((second as UserError).exitCode).toBe(EXIT.preflight);
  expect(await withHostLock('kadm reset', async () => 'in', file)).toBe('in');
  expect(await readdir(folder)).toEqual([]);
});

test('what fails while it is held frees it', async () => {
  const failing = withHostLock('a', async () => await Promise.reject(new Error('no')), file);
  await expect(failing).rejects.toThrow('no');
  expect(await withHostLock('b', async () => 'in', file)).toBe('in');
});

test('a holder that was killed holds it no longer', async () => {
  const script = `
    import { withHostLock } from ${JSON.stringify(join(import.meta.dirname, '../../../src/host/host-lock.ts'))};
    await withHostLock('kadm init', async () => {
      console.log('in');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    }, ${JSON.stringify(file)});`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  await expect(withHostLock('kadm reset', async () => 'in', file)).rejects.toThrow(`(pid ${holder.pid})`);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const again = async (): Promise<string> =>
    await withHostLock('c', async () => 'in', file).catch(() => 'held');
  await expect.poll(again).toBe('in');
});

test('of many at once never two are in', async () => {
  let inside = 0;
  const work = async (): Promise<string> => {
    inside += 1;
    expect(inside).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inside -= 1;
    return 'in';
  };
  const one = async (): Promise<string> =>
    await withHostLock('x', work, file).catch((error: unknown) =>
      error instanceof UserError ? 'told' : Promise.reject(error as Error),
    );
  expect(await Promise.all(Array.from({ length: 8 }, one))).toContain('in');
});
