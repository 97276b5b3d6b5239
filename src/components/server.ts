import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { exists } from '../host/host.ts';
import { byteRange } from './byte-range.ts';
import type { ComponentStore } from './store.ts';

const PATH = /^\/sha256\/([0-9a-f]{64})$/;
const REQUEST_TIMEOUT_MS = 10_000;
/** A reader that takes nothing for so long is gone. */
const IDLE_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 256;

export interface ComponentServerOptions {
  /** Connections at once; further ones are closed at once. 256 when left out. */
  readonly maxConnections?: number;
}

/**
 * Gives the files of a store over HTTP, read-only: GET and HEAD of /sha256/HEX, for the digests of a list and
 * nothing else. Needs no secrecy: who reads checks the digest, which came another way.
 */
export class ComponentServer {
  readonly #store: ComponentStore;
  readonly #digests: ReadonlySet<string>;
  readonly #maxConnections: number;
  #server: Server | undefined;

  constructor(store: ComponentStore, digests: Iterable<string>, options: ComponentServerOptions = {}) {
    this.#store = store;
    this.#digests = new Set(digests);
    this.#maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  }

  /** Listens on one address of this host, on a free port unless one is given. */
  async start(address: string, port = 0): Promise<{ url: string }> {
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS });
    server.maxConnections = this.#maxConnections;
    server.timeout = IDLE_TIMEOUT_MS;
    server.on('request', (request, response) => void this.#answer(request, response));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, resolve);
    });
    const bound = server.address() as AddressInfo;
    const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
    return { url: `http://${host}:${bound.port}` };
  }

  /** Ends, with whatever is still being read. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#serve(request, response);
    } catch {
      // The reader went away, or the file did: it sees a cut, asks again, or finds another digest.
      response.destroy();
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return end(response, 405, { allow: 'GET, HEAD' });
    const digest = PATH.exec(request.url ?? '')?.[1];
    const path =
      digest === undefined || !this.#digests.has(digest) ? undefined : this.#store.blobPath(digest);
    if (path === undefined || !(await exists(path))) return end(response, 404);
    const { size } = await stat(path);
    const range = byteRange(request.headers.range, size);
    if (range === 'unsatisfiable') return end(response, 416, { 'content-range': `bytes */${size}` });
    const { start, end: last } = range ?? { start: 0, end: size - 1 };
    response.writeHead(range === undefined ? 200 : 206, {
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
      'content-length': last - start + 1,
      ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${last}/${size}` }),
    });
    if (request.method === 'HEAD') response.end();
    else await pipeline(createReadStream(path, { start, end: last, highWaterMark: 1024 * 1024 }), response);
  }
}

function end(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-length': 0, ...headers }).end();
}
