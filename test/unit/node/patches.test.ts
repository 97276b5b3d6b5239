import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalHost } from '../../../src/host/host.ts';
import { parsePatchName, patched, readPatches } from '../../../src/node/patches.ts';

const host = new LocalHost();
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kadm-patches-'));
});
afterEach(async () => await rm(folder, { recursive: true }));

describe('the name of a patch', () => {
  it.each([
    ['kube-apiserver.yaml', 'kube-apiserver', 'strategic'],
    ['kube-apiserver0+merge.yaml', 'kube-apiserver', 'merge'],
    ['etcd+json.json', 'etcd', 'json'],
    ['kubeletconfiguration+strategic.yaml', 'kubeletconfiguration', 'strategic'],
    ['corednsdeployment-replicas+merge.json', 'corednsdeployment', 'merge'],
    ['kube-controller-manager1+json.yaml', 'kube-controller-manager', 'json'],
  ])('%s says what it patches and how', (name, target, type) => {
    expect(parsePatchName(name, name)).toEqual({ target, type });
  });

  it.each([
    ['kube-apiservr.yaml', 'begin with kube-apiserver'],
    ['nginx.yaml', 'begin with one of etcd'],
    ['etcd+toml.yaml', 'types are strategic, merge, json'],
  ])('%s is refused', (name, remedy) => {
    expect(() => parsePatchName(name, name)).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining(remedy), exitCode: 2 }),
    );
  });
});

describe('patches of a folder', () => {
  it('are read in the order of their names, several of a file, other files left alone', async () => {
    await writeFile(
      join(folder, 'etcd1+json.yaml'),
      '- { op: add, path: /a, value: 1 }\n---\n- { op: remove, path: /a }\n',
    );
    await writeFile(join(folder, 'etcd0.yaml'), 'metadata: { labels: { a: b } }\n');
    await writeFile(join(folder, 'README.md'), 'not a patch\n');
    const patches = await readPatches(host, folder);
    expect(patches.map(({ file, type }) => [file.split('/').at(-1), type])).toEqual([
      ['etcd0.yaml', 'strategic'],
      ['etcd1+json.yaml', 'json'],
      ['etcd1+json.yaml', 'json'],
    ]);
  });

  it('are none where no folder is named, and an error where it is not there', async () => {
    expect(await readPatches(host, undefined)).toEqual([]);
    await expect(readPatches(host, join(folder, 'gone'))).rejects.toThrow('there is no folder');
  });

  it('are refused when they are not YAML', async () => {
    await writeFile(join(folder, 'etcd.yaml'), 'a: [1');
    await expect(readPatches(host, folder)).rejects.toThrow('etcd.yaml');
  });
});

describe('patched', () => {
  it('names the file whose patch does not apply', () => {
    const patch = {
      file: '/p/etcd+json.yaml',
      target: 'etcd',
      type: 'json',
      content: [{ op: 'remove', path: '/x' }],
    } as const;
    expect(() => patched([patch], 'etcd', { a: 1 })).toThrow(
      '/p/etcd+json.yaml does not apply to etcd: operation 1: there is nothing at /x',
    );
    expect(patched([patch], 'kube-scheduler', { a: 1 })).toEqual({ a: 1 });
  });
});
