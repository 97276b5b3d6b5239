import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { releaseFor } from '../../../src/components/catalog.ts';
import { StoreSource } from '../../../src/components/source.ts';
import { type BlobSource, ComponentStore } from '../../../src/components/store.ts';
import { UserError } from '../../../src/errors.ts';
import { artifactOf, digest, scratchFolders } from './scratch.ts';

const scratch = scratchFolders();
const VERSION = 'v1.36.3';

function sourceOf(content: () => Readable): BlobSource {
  return { describe: () => 'the test', open: async () => content() };
}

/** Everything that is in the store's folder of blobs. */
async function blobs(store: ComponentStore): Promise<string[]> {
  return await readdir(`${store.directory}/blobs/sha256`);
}

describe('taking files in', () => {
  test('a file is found by the digest of its content', async () => {
    const store = new ComponentStore(await scratch());
    const { sha256, size } = await store.add(Readable.from(['some', 'thing']));
    expect(sha256).toBe(digest('something'));
    expect(size).toBe(9);
    expect(await readFile(store.blobPath(sha256), 'utf8')).toBe('something');
  });

  test('a writer that breaks off leaves nothing', async () => {
    const store = new ComponentStore(await scratch());
    const broken = async function* () {
      yield Buffer.from('half of');
      throw new Error('cut');
    };
    await expect(store.add(Readable.from(broken()))).rejects.toThrow('cut');
    expect(await blobs(store)).toEqual([]);
  });

  test('what a killed writer left goes, what is whole stays', async () => {
    const store = new ComponentStore(await scratch());
    const { sha256 } = await store.add(Readable.from(['whole']));
    await writeFile(store.blobPath('.partial-1234'), 'half');
    await store.removePartials();
    expect(await blobs(store)).toEqual([sha256]);
  });
});

describe('the index', () => {
  test('is empty where there is none', async () => {
    const store = new ComponentStore(`${await scratch()}/none`);
    expect(await store.index(VERSION)).toEqual([]);
    expect(await new StoreSource(store).index(releaseFor(VERSION))).toEqual([]);
  });

  test('says what was recorded, one artefact a name, for its version only', async () => {
    const store = new ComponentStore(await scratch());
    await store.record(VERSION, artifactOf('old'), 'r1');
    await store.record(VERSION, artifactOf('other', 'kubectl'), 'r1');
    await store.record(VERSION, artifactOf('new'), 'r2');
    expect(await store.index(VERSION)).toEqual([artifactOf('other', 'kubectl'), artifactOf('new')]);
    expect(await store.index('v1.36.4')).toEqual([]);
  });

  test('that is damaged is an error that names the file', async () => {
    const store = new ComponentStore(await scratch());
    await store.record(VERSION, artifactOf('x'), 'r1');
    const [name = ''] = await readdir(`${store.directory}/index`);
    const path = `${store.directory}/index/${name}`;
    for (const text of [
      '{',
      '{"entries":[{"artifact":{"name":"kubelet","sha256":"../../etc/passwd"}}]}',
      '[]',
    ]) {
      await writeFile(path, text);
      await expect(store.index(VERSION)).rejects.toThrow(UserError);
      await expect(store.index(VERSION)).rejects.toThrow(path);
    }
  });

  test('something counts as made while its file is there and its recipe is the same', async () => {
    const store = new ComponentStore(await scratch());
    const file = await store.add(Readable.from(['content']));
    const artifact = { ...artifactOf('content'), ...file };
    await store.record(VERSION, artifact, 'r1');
    await store.record(VERSION, artifactOf('lost', 'kubectl'), 'r1');
    expect(await store.made(VERSION, 'kubelet', 'r1')).toEqual(artifact);
    expect(await store.made(VERSION, 'kubelet', 'r2')).toBeUndefined();
    expect(await store.made(VERSION, 'kubectl', 'r1')).toBeUndefined();
    expect(await store.made(VERSION, 'runc', 'r1')).toBeUndefined();
  });
});

describe('fetching', () => {
  const content = Buffer.alloc(300_000, 'kubelet ');

  test('copies from another store', async () => {
    const [from, to] = [new ComponentStore(await scratch()), new ComponentStore(await scratch())];
    await from.add(Readable.from([content]));
    const path = await to.fetch(artifactOf(content), new StoreSource(from));
    expect(path).toBe(to.blobPath(digest(content)));
    expect(digest(await readFile(path))).toBe(digest(content));
  });

  test('asks nobody for what is there', async () => {
    const store = new ComponentStore(await scratch());
    await store.add(Readable.from([content]));
    const nobody: BlobSource = {
      describe: () => 'nobody',
      open: () => Promise.reject(new Error('was asked')),
    };
    expect(await store.fetch(artifactOf(content), nobody)).toBe(store.blobPath(digest(content)));
  });

  test('refuses one changed byte, says both digests and the source, and keeps nothing', async () => {
    const store = new ComponentStore(await scratch());
    const tampered = Buffer.from(content);
    tampered[1234] = 0;
    const fetching = store.fetch(
      artifactOf(content),
      sourceOf(() => Readable.from([tampered])),
    );
    await expect(fetching).rejects.toThrow(UserError);
    await expect(fetching).rejects.toThrow(
      `kubelet from the test has SHA-256 ${digest(tampered)}, but ${digest(content)} was promised`,
    );
    expect(await blobs(store)).toEqual([]);
  });

  test('refuses what is too short, and a source that never ends', async () => {
    const store = new ComponentStore(await scratch());
    const endless = function* () {
      for (;;) yield content;
    };
    for (const open of [() => Readable.from([content.subarray(1)]), () => Readable.from(endless())]) {
      await expect(store.fetch(artifactOf(content), sourceOf(open))).rejects.toThrow('was promised');
    }
    expect(await blobs(store)).toEqual([]);
  });

  test('keeps nothing of a transfer that breaks off, or is ended', async () => {
    const store = new ComponentStore(await scratch());
    const abort = new AbortController();
    const stuck = async function* () {
      yield content.subarray(0, 1000);
      abort.abort(new Error('enough'));
      await new Promise(() => {});
    };
    const broken = async function* () {
      yield content.subarray(0, 1000);
      throw new Error('cut');
    };
    await expect(
      store.fetch(
        artifactOf(content),
        sourceOf(() => Readable.from(broken())),
      ),
    ).rejects.toThrow('cut');
    await expect(
      store.fetch(
        artifactOf(content),
        sourceOf(() => Readable.from(stuck())),
        abort.signal,
      ),
    ).rejects.toThrow();
    expect(await blobs(store)).toEqual([]);
  });

  test('finds out when a file here was changed since', async () => {
    const store = new ComponentStore(await scratch());
    await store.add(Readable.from([content]));
    const path = store.blobPath(digest(content));
    await writeFile(path, 'something else');
    const fetching = store.fetch(artifactOf(content), new StoreSource(store));
    await expect(fetching).rejects.toThrow(path);
    await expect(fetching).rejects.toThrow('was promised');
  });

  test('says which store lost a file', async () => {
    const [from, to] = [new ComponentStore(await scratch()), new ComponentStore(await scratch())];
    await mkdir(from.directory, { recursive: true });
    const fetching = to.fetch(artifactOf(content), new StoreSource(from));
    await expect(fetching).rejects.toThrow(UserError);
    await expect(fetching).rejects.toThrow(`${from.directory} has lost kubelet`);
  });
});
