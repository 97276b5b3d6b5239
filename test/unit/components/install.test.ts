import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { promisedFile, StoreSource } from '../../../src/components/source.ts';
import { ComponentStore } from '../../../src/components/store.ts';
import { UserError } from '../../../src/errors.ts';
import { LocalHost } from '../../../src/host/host.ts';
import type { Pieces } from '../../../src/host/large-file.ts';
import { artifactOf, digest, scratchFolders } from './scratch.ts';

const scratch = scratchFolders();
const content = Buffer.alloc(300_000, 'kubelet ');
const ATTRIBUTES = { mode: 0o755 };

async function storeWithContent(): Promise<ComponentStore> {
  const store = new ComponentStore(await scratch());
  await store.add(Readable.from([content]));
  return store;
}

/** Installs what `pieces` gives where the content was promised. */
async function install(
  pieces: () => Pieces,
  signal?: AbortSignal,
): Promise<{ folder: string; installing: Promise<void> }> {
  const folder = await scratch();
  const { sha256, size } = artifactOf(content);
  const file = { name: 'kubelet from the test', sha256, size, open: pieces, ...(signal && { signal }) };
  const installing = new LocalHost().installFile(file, `${folder}/kubelet`, ATTRIBUTES);
  // Each test looks at it in its own time.
  installing.catch(() => {});
  return { folder, installing };
}

test('an artefact of a store comes into place, with its mode', async () => {
  const [source, folder] = [new StoreSource(await storeWithContent()), await scratch()];
  await new LocalHost().installFile(
    promisedFile(artifactOf(content), source),
    `${folder}/kubelet`,
    ATTRIBUTES,
  );
  expect(digest(await readFile(`${folder}/kubelet`))).toBe(digest(content));
  expect((await stat(`${folder}/kubelet`)).mode & 0o777).toBe(0o755);
  expect(await readdir(folder)).toEqual(['kubelet']);
});

test('a file that may be shared is not copied', async () => {
  const folder = await scratch();
  await writeFile(`${folder}/here`, content);
  const { sha256, size } = artifactOf(content);
  const nobody = (): Pieces => {
    throw new Error('was read');
  };
  const file = { name: 'here', sha256, size, open: nobody, shareable: `${folder}/here` };
  await new LocalHost().installFile(file, `${folder}/kubelet`, ATTRIBUTES);
  const [here, there] = await Promise.all([stat(`${folder}/here`), stat(`${folder}/kubelet`)]);
  expect(there.ino).toBe(here.ino);
});

test('one changed byte is refused, with both digests and the source, and nothing is kept', async () => {
  const tampered = Buffer.from(content);
  tampered[1234] = 0;
  const { folder, installing } = await install(() => Readable.from([tampered]));
  await expect(installing).rejects.toThrow(UserError);
  await expect(installing).rejects.toThrow(
    `kubelet from the test has SHA-256 ${digest(tampered)}, but ${digest(content)} was promised`,
  );
  expect(await readdir(folder)).toEqual([]);
});

test('what is in place stays when what comes is not what was promised', async () => {
  const folder = await scratch();
  await writeFile(`${folder}/kubelet`, 'of before');
  const { sha256, size } = artifactOf(content);
  const file = { name: 'kubelet', sha256, size, open: () => Readable.from([Buffer.from('other')]) };
  await expect(new LocalHost().installFile(file, `${folder}/kubelet`, ATTRIBUTES)).rejects.toThrow(
    'promised',
  );
  expect(await readFile(`${folder}/kubelet`, 'utf8')).toBe('of before');
});

test('what is too short, and a source that never ends, are refused', async () => {
  const endless = function* () {
    for (;;) yield content;
  };
  for (const pieces of [() => Readable.from([content.subarray(1)]), () => Readable.from(endless())]) {
    const { folder, installing } = await install(pieces);
    await expect(installing).rejects.toThrow('was promised');
    expect(await readdir(folder)).toEqual([]);
  }
});

test('nothing is kept of a transfer that breaks off, or is ended while it hangs', async () => {
  const abort = new AbortController();
  const broken = async function* () {
    yield content.subarray(0, 1000);
    throw new Error('cut');
  };
  const stuck = async function* () {
    yield content.subarray(0, 1000);
    abort.abort(new Error('enough'));
    await new Promise(() => {});
  };
  for (const [pieces, why] of [
    [broken, 'cut'],
    [stuck, 'enough'],
  ] as const) {
    const { folder, installing } = await install(pieces, abort.signal);
    await expect(installing).rejects.toThrow(why);
    expect(await readdir(folder)).toEqual([]);
  }
});

test('a file of a store that was changed since is found out', async () => {
  const [store, folder] = [await storeWithContent(), await scratch()];
  await writeFile(store.blobPath(digest(content)), 'something else');
  const file = promisedFile(artifactOf(content), new StoreSource(store));
  const installing = new LocalHost().installFile(file, `${folder}/kubelet`, ATTRIBUTES);
  await expect(installing).rejects.toThrow(`kubelet from the component store ${store.directory} has SHA-256`);
  expect(await readdir(folder)).toEqual([]);
});

test('a store that lost a file is named', async () => {
  const [store, folder] = [new ComponentStore(await scratch()), await scratch()];
  await mkdir(store.directory, { recursive: true });
  const file = promisedFile(artifactOf(content), new StoreSource(store));
  const installing = new LocalHost().installFile(file, `${folder}/kubelet`, ATTRIBUTES);
  await expect(installing).rejects.toThrow(UserError);
  await expect(installing).rejects.toThrow(`${store.directory} has lost kubelet`);
});
