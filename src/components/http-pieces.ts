import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Pieces } from '../host/large-file.ts';

const BUFFER_BYTES = 256 * 1024;
const MAX_HEAD_BYTES = 16 * 1024;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

export interface HttpAnswer {
  readonly status: number;
  /** As long as the server said, or until it closes. */
  readonly body: Pieces;
}

/**
 * A GET of HTTP/1.0 (RFC 1945: nothing comes in chunks) whose body comes in one buffer, piece by piece, from a component server. Node's
 * own client makes a new buffer for each 64 KiB: a worker pays for that with a second of processor time, half
 * of it for collecting garbage.
 * @param offset asks for the rest from there; a server may answer with the whole (status 200)
 * @throws Error when nothing comes for `stallMs`, the connection breaks, or the answer is none
 */
export async function httpGet(
  url: URL,
  offset: number,
  options: { readonly stallMs: number; readonly signal?: AbortSignal | undefined },
): Promise<HttpAnswer & { close(): void }> {
  const reader = new SocketReader(url, options);
  try {
    const range = offset === 0 ? '' : `range: bytes=${offset}-\r\n`;
    await reader.send(`GET ${url.pathname} HTTP/1.0\r\nhost: ${url.host}\r\n${range}\r\n`);
    const { head, rest } = await readHead(reader);
    const { status, length } = parseHead(head);
    return { status, body: bodyOf(reader, rest, length), close: () => reader.close() };
  } catch (error) {
    reader.close();
    throw error;
  }
}

async function readHead(reader: SocketReader): Promise<{ head: string; rest: Buffer }> {
  let seen = Buffer.alloc(0);
  for (;;) {
    const piece = await reader.next();
    if (piece === undefined) throw new Error('the connection was closed before the answer');
    seen = Buffer.concat([seen, piece]);
    const end = seen.indexOf(END_OF_HEAD);
    if (end >= 0) return { head: seen.toString('latin1', 0, end), rest: seen.subarray(end + 4) };
    if (seen.length > MAX_HEAD_BYTES) throw new Error('the answer is not HTTP');
  }
}

function parseHead(head: string): { status: number; length: number } {
  const [first = '', ...fields] = head.split('\r\n');
  const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new Error('the answer is not HTTP');
  const values = new Map(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
    }),
  );
  const length = values.get('content-length');
  return { status, length: length === undefined ? Number.POSITIVE_INFINITY : Number(length) };
}

async function* bodyOf(reader: SocketReader, first: Buffer, length: number): AsyncGenerator<Uint8Array> {
  let left = length;
  for (let piece: Buffer | undefined = first; piece !== undefined && left > 0; piece = await reader.next()) {
    const wanted = piece.subarray(0, Math.min(piece.length, left));
    left -= wanted.length;
    if (wanted.length > 0) yield wanted;
    if (left === 0) return;
  }
}

/** A connection that is read one buffer at a time: nothing more comes before the last one was used. */
class SocketReader {
  readonly #socket: Socket;
  readonly #connected: Promise<unknown>;
  #arrived = Promise.withResolvers<Buffer | undefined>();
  /** A piece was given out: its buffer is free again when the next one is asked for. */
  #lent = false;

  constructor(
    url: URL,
    { stallMs, signal }: { readonly stallMs: number; readonly signal?: AbortSignal | undefined },
  ) {
    this.#socket = connect({
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port || 80),
      ...(signal === undefined ? {} : { signal }),
      onread: {
        buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES),
        callback: (length, buffer) => {
          this.#arrived.resolve(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          return false;
        },
      },
    });
    this.#arrived.promise.catch(() => {});
    this.#socket.setTimeout(stallMs, () => this.#socket.destroy(new Error('nothing came any more')));
    this.#socket.on('error', (error) => this.#arrived.reject(error));
    this.#socket.on('close', () => this.#arrived.resolve(undefined));
    this.#connected = once(this.#socket, 'connect');
    this.#connected.catch(() => {});
  }

  async send(text: string): Promise<void> {
    await this.#connected;
    this.#socket.write(text);
  }

  /** What came next, valid until the next call; undefined after the end. */
  async next(): Promise<Buffer | undefined> {
    if (this.#lent) {
      this.#lent = false;
      this.#arrived = Promise.withResolvers();
      if (this.#socket.destroyed) return undefined;
      this.#socket.resume();
    }
    const piece = await this.#arrived.promise;
    this.#lent = piece !== undefined;
    return piece;
  }

  close(): void {
    this.#socket.destroy();
  }
}
