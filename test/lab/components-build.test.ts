import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildComponents } from '../../src/components/build/build.ts';
import { releaseFor } from '../../src/components/catalog.ts';
import { ComponentStore } from '../../src/components/store.ts';
import { runCommand } from '../../src/host/command.ts';
import { sha256File } from '../../src/host/large-file.ts';

/** The smallest component that is compiled: real modules, a real compiler, seconds with Go's cache warm. */
const NAMES = ['ctr'] as const;
const release = releaseFor('v1.36.3');
let cacheDirectory: string;
let store: ComponentStore;

beforeEach(async () => {
  cacheDirectory = await mkdtemp(join(tmpdir(), 'kadm-build-'));
  store = new ComponentStore(`${cacheDirectory}/store`);
});

afterEach(() => rm(cacheDirectory, { recursive: true, force: true }));

function build(onProgress: (message: string) => void = () => {}, signal = new AbortController().signal) {
  return buildComponents({
    release,
    names: NAMES,
    store,
    cacheDirectory,
    rootfs: '/none',
    onProgress,
    signal,
  });
}

test('an interrupted build leaves nothing in the index, and the next one goes on to its end', async () => {
  const abort = new AbortController();
  const interrupted = build((message) => {
    if (message.includes('linking ctr')) abort.abort(new Error('enough'));
  }, abort.signal);
  await expect(interrupted).rejects.toThrow(/interrupted/);
  expect(await store.index('v1.36.3')).toEqual([]);

  expect(await build()).toEqual(['ctr']);
  const [artifact] = await store.index('v1.36.3');
  expect(artifact).toMatchObject({ name: 'ctr', version: 'v2.3.7', kind: 'binary' });
  const path = store.blobPath(artifact?.sha256 ?? '');
  expect(await sha256File(path)).toBe(artifact?.sha256);
  const copy = `${cacheDirectory}/ctr`;
  await runCommand(['install', '--mode=755', path, copy]);
  expect((await runCommand([copy, '--version'])).stdout).toContain('v2.3.7');
});

test('two builds at once: the second waits, says so, and finds everything made', async () => {
  const said: string[] = [];
  let second: Promise<string[]> | undefined;
  const first = await build(() => {
    second ??= build((message) => said.push(message));
  });
  expect(first).toEqual(['ctr']);
  expect(await second).toEqual([]);
  expect(said).toEqual(['waiting for another kadm that builds components']);
});

test('what is built twice is the same to the byte, and what is lost is built again', async () => {
  await build();
  const [before] = await store.index('v1.36.3');
  await rm(store.blobPath(before?.sha256 ?? ''));
  expect(await build()).toEqual(['ctr']);
  expect(await store.index('v1.36.3')).toEqual([before]);
  expect(await build()).toEqual([]);
});
