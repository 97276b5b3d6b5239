import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { hasCode } from '../errors.ts';
import { runCommand } from './command.ts';

/*
 * Components have hundreds of megabytes. Streams of Node make a new buffer for each piece; on the way of all
 * components through a node that costs seconds of processor time for clearing pages and collecting garbage.
 */
const PIECE_BYTES = 1024 * 1024;
/** What takes 10 ms to hash, as long as it takes to start a program. */
const LARGE_BYTES = 16 * 1024 * 1024;

/**
 * Content in pieces, one after the other. All may come in one buffer: a piece is valid only until the next
 * one is asked for.
 */
export type Pieces = AsyncIterable<Uint8Array>;

export interface ByteRange {
  readonly start: number;
  /** The last byte, inclusive. */
  readonly end: number;
}

/** A file of this machine, or a part of it. */
export async function* readPieces(path: string, range?: ByteRange): AsyncGenerator<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
    let position = range?.start ?? 0;
    const end = range === undefined ? Number.POSITIVE_INFINITY : range.end + 1;
    while (position < end) {
      const length = Math.min(PIECE_BYTES, end - position);
      const { bytesRead } = await handle.read(buffer, 0, length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** Writes pieces to a stream and ends it; each is gone from here before the next one is read. */
export async function pour(pieces: Pieces, target: Writable): Promise<void> {
  for await (const piece of pieces) {
    await new Promise<void>((resolve, reject) => {
      // A stream that was destroyed calls nobody back.
      if (target.destroyed) reject(new Error('the reader has gone'));
      else target.write(piece, (error) => (error ? reject(error) : resolve()));
    });
  }
  target.end();
}

/**
 * Writes a new file and tells the SHA-256 (hex) and size of what was written.
 * @param limit in bytes; at most a piece more is taken, so that an endless source ends, with another digest
 */
export async function writeHashed(
  pieces: Pieces,
  path: string,
  limit: number,
  signal?: AbortSignal,
): Promise<{ sha256: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  const handle = await open(path, 'wx', 0o600);
  try {
    for await (const piece of signal === undefined ? pieces : untilAborted(pieces, signal)) {
      hash.update(piece);
      await handle.writeFile(piece);
      size += piece.length;
      if (size > limit) break;
    }
  } finally {
    await handle.close();
  }
  return { sha256: hash.digest('hex'), size };
}

/** Ends at once with the signal's reason, also while a piece is waited for. */
async function* untilAborted(pieces: Pieces, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort);
  const iterator = pieces[Symbol.asyncIterator]();
  try {
    signal.throwIfAborted();
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted.promise]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    // Not waited for: it may hang in the piece that never came.
    iterator.return?.().catch(() => {});
  }
}

/** SHA-256 (hex) of a file of any size; undefined where there is none. */
export async function sha256File(path: string): Promise<string | undefined> {
  return (await digestByProgram(path)) ?? (await digestHere(path));
}

/** Hashing takes the processor: of a large file another process does it, so that nothing here waits for it. */
async function digestByProgram(path: string): Promise<string | undefined> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size < LARGE_BYTES) return undefined;
  try {
    const { stdout } = await runCommand(['sha256sum', '--binary', '--zero', '--', path]);
    return /^[0-9a-f]{64}(?= )/.exec(stdout)?.[0];
  } catch {
    // A machine without coreutils, or a file that was changed meanwhile: the other way tells which.
    return undefined;
  }
}

async function digestHere(path: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const piece of readPieces(path)) hash.update(piece);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  return hash.digest('hex');
}
