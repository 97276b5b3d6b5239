import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Header, type Pack, pack } from 'tar-stream';

/** One path of an image, absolute and without a trailing slash. Everything belongs to root. */
export type LayerEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode: number }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  | {
      readonly type: 'file';
      readonly path: string;
      readonly mode: number;
      /** A file on this machine, or the content itself. */
      readonly source: string | Buffer;
      /** Number of the one capability that the file grants its process. */
      readonly capability?: number;
    };

const EPOCH = new Date(0);

/**
 * Entries in the order in which they are written: sorted by path, folders above them added. Of two entries
 * of one path the first counts.
 */
export function layerOrder(entries: readonly LayerEntry[]): LayerEntry[] {
  const byPath = new Map<string, LayerEntry>();
  for (const entry of entries) {
    if (!byPath.has(entry.path)) byPath.set(entry.path, entry);
  }
  for (const entry of entries) {
    for (let path = dirname(entry.path); path !== '/'; path = dirname(path)) {
      if (!byPath.has(path)) byPath.set(path, { type: 'directory', path, mode: 0o755 });
    }
  }
  return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The layer as an uncompressed tar stream: the same entries give the same bytes. */
export function layerTar(entries: readonly LayerEntry[]): Readable {
  const tar = pack();
  const write = async (): Promise<void> => {
    for (const entry of layerOrder(entries)) await writeEntry(tar, entry);
    tar.finalize();
  };
  write().catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))));
  return tar as unknown as Readable;
}

async function writeEntry(tar: Pack, entry: LayerEntry): Promise<void> {
  const name = entry.path.slice(1);
  const owner = { uid: 0, gid: 0, uname: '', gname: '', mtime: EPOCH };
  if (entry.type === 'directory')
    return addEntry(tar, { ...owner, name, type: 'directory', mode: entry.mode });
  if (entry.type === 'symlink') {
    return addEntry(tar, { ...owner, name, type: 'symlink', linkname: entry.target, mode: 0o777 });
  }
  const { capability, mode, source } = entry;
  const extended = capability === undefined ? {} : { pax: { [CAPABILITY_KEY]: fileCapability(capability) } };
  const header: Partial<Header> & { name: string } = { ...owner, ...extended, name, type: 'file', mode };
  if (typeof source !== 'string') return addEntry(tar, header, source);
  const { size } = await stat(source);
  await pipeline(createReadStream(source, { highWaterMark: 1024 * 1024 }), tar.entry({ ...header, size }));
}

function addEntry(tar: Pack, header: Partial<Header> & { name: string }, content?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve());
    if (content === undefined) tar.entry(header, done);
    else tar.entry(header, content, done);
  });
}

/** How tar carries extended attributes in PAX records; containerd applies them. */
const CAPABILITY_KEY = 'SCHILY.xattr.security.capability';

/**
 * struct vfs_cap_data of linux/capability.h, revision 2: a header with the flag "effective", then permitted
 * and inheritable sets of 32 bits each, little-endian. Only bits 0 to 30, so that every byte is below 0x80
 * and the record stays the same as UTF-8 text.
 */
function fileCapability(bit: number): string {
  if (bit > 30 || bit % 8 === 7) throw new Error(`capability ${bit} is not one that this record can hold`);
  const data = Buffer.alloc(20);
  data.writeUInt32LE(0x02000001, 0);
  data.writeUInt32LE(2 ** bit, 4);
  return data.toString('latin1');
}
