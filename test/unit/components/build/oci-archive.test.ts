import { writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import type { LayerEntry } from '../../../../src/components/build/layer.ts';
import { ociArchive } from '../../../../src/components/build/oci-archive.ts';
import { digest, scratchFolders } from '../scratch.ts';

const scratch = scratchFolders();

const ENTRIES: readonly LayerEntry[] = [
  { type: 'file', path: '/usr/local/bin/etcd', mode: 0o755, source: Buffer.from('program') },
  { type: 'directory', path: '/tmp', mode: 0o1777 },
  { type: 'symlink', path: '/bin', target: 'usr/bin' },
];
const IMAGE = { name: 'registry.k8s.io/etcd:3.6.8-0', architecture: 'amd64', entries: ENTRIES };

interface Member {
  readonly header: {
    readonly name: string;
    readonly mode?: number;
    readonly mtime?: Date;
    readonly linkname?: string | null;
    readonly pax?: Record<string, string> | null;
  };
  readonly content: Buffer;
}

async function untar(stream: Readable): Promise<Map<string, Member>> {
  const members = new Map<string, Member>();
  for await (const entry of stream.pipe(extract())) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    const header = entry.header as Member['header'];
    members.set(header.name, { header, content: Buffer.concat(chunks) });
  }
  return members;
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
  readonly annotations?: Record<string, string>;
}

/** Follows the archive from its index to its layer, as a runtime does. */
async function read(image: Parameters<typeof ociArchive>[0]) {
  const { digest: claimed, archive } = await ociArchive(image);
  const members = await untar(archive);
  const json = (name: string) => JSON.parse(members.get(name)?.content.toString() ?? 'null');
  const blob = (descriptor: Descriptor): Buffer => {
    const content = members.get(`blobs/sha256/${descriptor.digest.slice('sha256:'.length)}`)?.content;
    expect(content).toHaveLength(descriptor.size);
    expect(`sha256:${digest(content ?? '')}`).toBe(descriptor.digest);
    return content ?? Buffer.alloc(0);
  };
  const top = json('index.json').manifests as Descriptor[];
  const [target] = top;
  if (target === undefined) throw new Error('no manifest');
  const manifest = JSON.parse(blob(target).toString()) as { config: Descriptor; layers: Descriptor[] };
  const [layer] = manifest.layers;
  if (layer === undefined) throw new Error('no layer');
  const config = JSON.parse(blob(manifest.config).toString());
  return { claimed, members, layout: json('oci-layout'), target, manifest, layer, config, tar: blob(layer) };
}

describe('an archive', () => {
  test('leads from its index to one image of the wanted name', async () => {
    const { claimed, layout, target, manifest } = await read(IMAGE);
    expect(layout).toEqual({ imageLayoutVersion: '1.0.0' });
    expect(target.digest).toBe(claimed);
    expect(target.annotations).toEqual({
      'io.containerd.image.name': 'registry.k8s.io/etcd:3.6.8-0',
      'org.opencontainers.image.ref.name': '3.6.8-0',
    });
    expect(manifest.layers).toHaveLength(1);
  });

  test('says what runs, as whom, and on what', async () => {
    const image = { ...IMAGE, entrypoint: ['/agnhost'], command: ['pause'], user: '65532:65532' };
    const { config, layer } = await read(image);
    expect(config).toMatchObject({
      architecture: 'amd64',
      os: 'linux',
      rootfs: { diff_ids: [layer.digest] },
    });
    expect(config.config).toMatchObject({ Entrypoint: ['/agnhost'], Cmd: ['pause'], User: '65532:65532' });
    expect(config.config.Env).toContainEqual(expect.stringMatching(/^PATH=.*\/usr\/local\/bin/));
  });

  test('leaves out what the image does not say', async () => {
    expect(Object.keys((await read(IMAGE)).config.config)).toEqual(['Env', 'WorkingDir']);
  });

  test('is the same for the same image, whatever the order, and another for another', async () => {
    const bytes = async (entries: readonly LayerEntry[]) => {
      const chunks: Buffer[] = [];
      for await (const chunk of (await ociArchive({ ...IMAGE, entries })).archive)
        chunks.push(chunk as Buffer);
      return digest(Buffer.concat(chunks));
    };
    expect(await bytes([...ENTRIES].reverse())).toBe(await bytes(ENTRIES));
    expect(await bytes(ENTRIES.slice(1))).not.toBe(await bytes(ENTRIES));
  });

  test('that cannot be written because a file is missing is an error', async () => {
    const lost: LayerEntry = { type: 'file', path: '/a', mode: 0o644, source: '/nonexistent/file' };
    await expect(ociArchive({ ...IMAGE, entries: [lost] })).rejects.toThrow('/nonexistent/file');
  });
});

describe('its layer', () => {
  test('has every path with the folders above it, sorted, from the beginning of time', async () => {
    const members = await untar(Readable.from([(await read(IMAGE)).tar]));
    expect([...members.keys()]).toEqual([
      'bin',
      'tmp',
      'usr',
      'usr/local',
      'usr/local/bin',
      'usr/local/bin/etcd',
    ]);
    expect(members.get('bin')?.header).toMatchObject({ linkname: 'usr/bin' });
    expect(members.get('tmp')?.header.mode).toBe(0o1777);
    expect(members.get('usr/local/bin/etcd')).toMatchObject({
      header: { mode: 0o755 },
      content: Buffer.from('program'),
    });
    for (const { header } of members.values()) expect(header.mtime).toEqual(new Date(0));
  });

  test('carries files of this machine byte for byte, of any size', async () => {
    const path = `${await scratch()}/large`;
    const content = Buffer.alloc(3_000_001, 'abcdefg');
    await writeFile(path, content);
    const { tar } = await read({
      ...IMAGE,
      entries: [{ type: 'file', path: '/large', mode: 0o644, source: path }],
    });
    const found = (await untar(Readable.from([tar]))).get('large')?.content;
    expect(digest(found ?? '')).toBe(digest(content));
  });

  test('of two entries of one path the first counts', async () => {
    const file = (text: string): LayerEntry => ({
      type: 'file',
      path: '/a',
      mode: 0o644,
      source: Buffer.from(text),
    });
    const { tar } = await read({ ...IMAGE, entries: [file('first'), file('second')] });
    expect((await untar(Readable.from([tar]))).get('a')?.content.toString()).toBe('first');
  });

  test('grants a capability as the kernel reads it: version 2, effective, bit 10', async () => {
    const entry: LayerEntry = {
      type: 'file',
      path: '/coredns',
      mode: 0o755,
      source: Buffer.from('x'),
      capability: 10,
    };
    const { tar } = await read({ ...IMAGE, entries: [entry] });
    const pax = (await untar(Readable.from([tar]))).get('coredns')?.header.pax ?? {};
    const value = Buffer.from(pax['SCHILY.xattr.security.capability'] ?? '', 'latin1').toString('hex');
    expect(value).toBe('0100000200040000000000000000000000000000');
  });
});
