import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSource } from '../../../src/cli/options.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kadm-options-'));
});
afterAll(async () => await rm(folder, { recursive: true }));

async function read(content: Buffer): Promise<string | undefined> {
  const path = join(folder, 'cluster.yaml');
  await writeFile(path, content);
  return (await readSource(path))?.text;
}

test('a configuration is UTF-8, with or without a byte order mark', async () => {
  expect(await read(Buffer.from('name: café\n'))).toBe('name: café\n');
  expect(await read(Buffer.from('\u{feff}name: a\n'))).toBe('name: a\n');
});

test('what is not is told with its line', async () => {
  const latin1 = Buffer.from('kind: A\nname: café\nlast: é\n', 'latin1');
  await expect(read(latin1)).rejects.toThrow('cluster.yaml:2: is not text in UTF-8');
  await expect(read(Buffer.from('name: a\n', 'utf16le').fill(0xff, 0, 1))).rejects.toThrow(':1: is not text');
});

test('a file that cannot be read is told in words', async () => {
  await expect(readSource(join(folder, 'other.yaml'))).rejects.toThrow('there is no such file');
  await expect(readSource(folder)).rejects.toThrow('is a folder');
});
