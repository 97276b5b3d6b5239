import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bracketed } from '../config/family.ts';
import { exists } from '../host/host.ts';
import { pour, readPieces } from '../host/large-file.ts';
import { archiveMembers, type Member } from './archive-members.ts';
import { byteRange } from './byte-range.ts';
import type { Artifact, ComponentStore } from './store.ts';

const FILE = /^\/sha256\/([0-9a-f]{64})$/;
/** OCI distribution specification 1.1, "Pull". */
const REGISTRY = '/v2/';
const MANIFEST = /^\/v2\/([a-z0-9/._-]+)\/manifests\/([a-zA-Z0-9._-]+|sha256:[0-9a-f]{64})$/;
const LAYER = /^\/v2\/[a-z0-9/._-]+\/blobs\/sha256:([0-9a-f]{64})$/;
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const BYTES = { 'content-type': 'application/octet-stream' } as const;
const REQUEST_TIMEOUT_MS = 10_000;
/** A reader that takes nothing for so long is gone. */
const IDLE_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 256;

/** A file outside the store that is served too. */
export interface ServedFile {
  readonly path: string;
  readonly sha256: string;
}

export interface ComponentServerOptions {
  readonly files?: readonly ServedFile[];
  /** Connections at once; further ones are closed at once. 256 when left out. */
  readonly maxConnections?: number;
}

/** Bytes that are served, and how. */
interface Content extends Member {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Gives components over HTTP, read-only: GET and HEAD of /sha256/HEX, and what a container runtime pulls
 * images by, for the artefacts of a list and nothing else. Needs no secrecy: who reads checks the digest,
 * which came another way.
 */
export class ComponentServer {
  readonly #store: ComponentStore;
  readonly #artifacts: readonly Artifact[];
  readonly #files: readonly ServedFile[];
  readonly #maxConnections: number;
  /** What lies in the archives of images, by its SHA-256 (hex). */
  readonly #members = new Map<string, Content>();
  #server: Server | undefined;

  constructor(store: ComponentStore, artifacts: readonly Artifact[], options: ComponentServerOptions = {}) {
    this.#store = store;
    this.#artifacts = artifacts;
    this.#files = options.files ?? [];
    this.#maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  }

  /** Listens on one address of this host, on a free port unless one is given. */
  async start(address: string, port = 0): Promise<{ url: string }> {
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS });
    server.maxConnections = this.#maxConnections;
    server.timeout = IDLE_TIMEOUT_MS;
    server.on('request', (request, response) => void this.#answer(request, response));
    this.#server = server;
    await this.#readArchives();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, resolve);
    });
    const bound = server.address() as AddressInfo;
    return { url: `http://${bracketed(bound.address)}:${bound.port}` };
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

  async #readArchives(): Promise<void> {
    for (const { kind, sha256 } of this.#artifacts) {
      const path = this.#store.blobPath(sha256);
      if (kind !== 'image' || !(await exists(path))) continue;
      for (const [digest, member] of await archiveMembers(path))
        this.#members.set(digest, { ...member, path, headers: BYTES });
    }
  }

  async #find(path: string): Promise<Content | undefined> {
    const layer = LAYER.exec(path)?.[1];
    if (layer !== undefined) return this.#members.get(layer);
    const [, repository, reference] = MANIFEST.exec(path) ?? [];
    if (repository !== undefined && reference !== undefined) return this.#manifest(repository, reference);
    const file = this.#fileOf(FILE.exec(path)?.[1]);
    if (file === undefined || !(await exists(file))) return undefined;
    return { path: file, start: 0, size: (await stat(file)).size, headers: BYTES };
  }

  #fileOf(digest: string | undefined): string | undefined {
    if (digest === undefined) return undefined;
    if (this.#artifacts.some(({ sha256 }) => sha256 === digest)) return this.#store.blobPath(digest);
    return this.#files.find(({ sha256 }) => sha256 === digest)?.path;
  }

  #manifest(repository: string, reference: string): Content | undefined {
    const digest = this.#artifacts.find((one) => isImage(one, repository, reference))?.image?.digest;
    const member = digest === undefined ? undefined : this.#members.get(digest.replace('sha256:', ''));
    if (digest === undefined || member === undefined) return undefined;
    return { ...member, headers: { 'content-type': MANIFEST_TYPE, 'docker-content-digest': digest } };
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
    const [path = ''] = (request.url ?? '').split('?');
    if (path === REGISTRY) return end(response, 200);
    const content = await this.#find(path);
    if (content === undefined) return end(response, 404);
    const { size, headers } = content;
    const range = byteRange(request.headers.range, size);
    if (range === 'unsatisfiable') return end(response, 416, { 'content-range': `bytes */${size}` });
    const { start, end: last } = range ?? { start: 0, end: size - 1 };
    response.writeHead(range === undefined ? 200 : 206, {
      'accept-ranges': 'bytes',
      ...headers,
      'content-length': last - start + 1,
      ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${last}/${size}` }),
    });
    if (request.method === 'HEAD') response.end();
    else
      await pour(
        readPieces(content.path, { start: content.start + start, end: content.start + last }),
        response,
      );
  }
}

/** The repository and tag of an image as a registry knows them: its name without the registry. */
function isImage({ image }: Artifact, repository: string, reference: string): boolean {
  if (image === undefined) return false;
  return image.digest === reference || image.name.replace(/^[^/]+\//, '') === `${repository}:${reference}`;
}

function end(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-length': 0, ...headers }).end();
}
