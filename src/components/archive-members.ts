import { open } from 'node:fs/promises';

/** A part of a file. */
export interface Member {
  /** In bytes from the start of the file. */
  readonly start: number;
  /** In bytes. */
  readonly size: number;
}

/** POSIX.1-1988 (ustar): headers of 512 bytes, content in blocks of 512. */
const BLOCK = 512;
const NAME = { start: 0, end: 100 } as const;
const SIZE = { start: 124, end: 136 } as const;
const BLOB = /^blobs\/sha256\/([0-9a-f]{64})$/;

/** Where in an OCI archive of ours each blob lies, by its SHA-256 (hex). Only the headers are read. */
export async function archiveMembers(path: string): Promise<Map<string, Member>> {
  const members = new Map<string, Member>();
  const handle = await open(path, 'r');
  try {
    const header = Buffer.alloc(BLOCK);
    for (let position = 0; ; ) {
      const { bytesRead } = await handle.read(header, 0, BLOCK, position);
      const name = text(header, NAME);
      if (bytesRead < BLOCK || name === '') return members;
      const size = Number.parseInt(text(header, SIZE), 8);
      if (Number.isNaN(size)) throw new Error(`${path} is not a tar archive`);
      const start = position + BLOCK;
      const digest = BLOB.exec(name)?.[1];
      if (digest !== undefined) members.set(digest, { start, size });
      position = start + Math.ceil(size / BLOCK) * BLOCK;
    }
  } finally {
    await handle.close();
  }
}

function text(header: Buffer, { start, end }: { start: number; end: number }): string {
  return header.toString('latin1', start, end).split('\0', 1)[0]?.trim() ?? '';
}
