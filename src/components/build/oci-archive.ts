import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Pack, pack } from 'tar-stream';
import { sha256 } from '../../host/host.ts';
import { type LayerEntry, layerTar } from './layer.ts';

export interface OciImage {
  /** Full name with tag. */
  readonly name: string;
  /** In Go's words: amd64, arm64. */
  readonly architecture: string;
  readonly entries: readonly LayerEntry[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  /** UID:GID. */
  readonly user?: string;
}

interface Blob {
  readonly digest: string;
  readonly size: number;
  /** A fresh stream at every call: a layer is written twice rather than kept. */
  readonly content: Buffer | (() => Readable);
}

const MEDIA = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

const CREATED = '1970-01-01T00:00:00Z';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * An image as an OCI archive (OCI image layout 1.0 in a tar file), with one uncompressed layer. The same
 * image gives the same bytes.
 * @returns its manifest's digest, which is what containerd shows, and the archive
 */
export async function ociArchive(image: OciImage): Promise<{ digest: string; archive: Readable }> {
  const layer = await measuredLayer(image.entries);
  const config = jsonBlob(imageConfig(image, layer));
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: MEDIA.manifest,
    config: { mediaType: MEDIA.config, digest: config.digest, size: config.size },
    layers: [{ mediaType: MEDIA.layer, digest: layer.digest, size: layer.size }],
  });
  const tar = pack();
  writeArchive(tar, image, manifest, [config, layer, manifest]).catch((error: unknown) =>
    tar.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return { digest: manifest.digest, archive: tar as unknown as Readable };
}

function imageConfig({ architecture, entrypoint, command, user }: OciImage, layer: Blob): object {
  return {
    created: CREATED,
    architecture,
    os: 'linux',
    config: {
      Env: [`PATH=${PATH}`],
      WorkingDir: '/',
      ...(entrypoint === undefined ? {} : { Entrypoint: entrypoint }),
      ...(command === undefined ? {} : { Cmd: command }),
      ...(user === undefined ? {} : { User: user }),
    },
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    history: [{ created: CREATED, created_by: 'kadm' }],
  };
}

function archiveIndex({ name, architecture }: OciImage, { digest, size }: Blob): object {
  return {
    schemaVersion: 2,
    mediaType: MEDIA.index,
    manifests: [
      {
        mediaType: MEDIA.manifest,
        digest,
        size,
        platform: { architecture, os: 'linux' },
        annotations: {
          'io.containerd.image.name': name,
          'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
        },
      },
    ],
  };
}

async function writeArchive(
  tar: Pack,
  image: OciImage,
  manifest: Blob,
  blobs: readonly Blob[],
): Promise<void> {
  await writeFile(tar, 'oci-layout', jsonBlob({ imageLayoutVersion: '1.0.0' }));
  await writeFile(tar, 'index.json', jsonBlob(archiveIndex(image, manifest)));
  for (const blob of blobs) await writeFile(tar, `blobs/sha256/${blob.digest.slice('sha256:'.length)}`, blob);
  tar.finalize();
}

async function writeFile(tar: Pack, name: string, { size, content }: Blob): Promise<void> {
  const sink = tar.entry({ name, size, mode: 0o644, mtime: new Date(0), uid: 0, gid: 0 });
  await pipeline(Buffer.isBuffer(content) ? [content] : content(), sink);
}

async function measuredLayer(entries: readonly LayerEntry[]): Promise<Blob> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of layerTar(entries) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: `sha256:${hash.digest('hex')}`, size, content: () => layerTar(entries) };
}

function jsonBlob(value: object): Blob {
  const content = Buffer.from(JSON.stringify(value));
  return { digest: `sha256:${sha256(content)}`, size: content.length, content };
}
