import { readdir, readFile, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { releaseFor } from '../../../src/components/catalog.ts';
import { StoreSource } from '../../../src/components/source.ts';
import { ComponentStore } from '../../../src/components/store.ts';
import { UserError } from '../../../src/errors.ts';
import { artifactOf, digest, scratchFolders } from './scratch.ts';

const scratch = scratchFolders();
const VERSION = 'v1.36.3';

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
