import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UserError } from '../errors.ts';
import type { PromisedFile } from '../host/host.ts';
import { exists } from '../host/host.ts';
import { type Pieces, readPieces } from '../host/large-file.ts';
import type { Release } from './catalog.ts';
import { httpGet } from './http-pieces.ts';
import { ComponentServer } from './server.ts';
import type { Artifact, ComponentStore } from './store.ts';

/** A registry as far as pulling goes; its images are trusted for nothing, their digests are. */
export interface ImageServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Where components come from. A source is trusted for nothing: the digests of the artefacts are. */
export interface ComponentSource {
  readonly kind: 'store' | 'http';
  describe(): string;
  /** A server from which the container runtime of this host pulls these images, as long as it is open. */
  serveImages(images: readonly Artifact[]): Promise<ImageServer>;
  /** The file's content from its first byte; an error on the way says what is wrong with the source. */
  open(artifact: Artifact, signal?: AbortSignal): Pieces;
  /** Empty where the source has nothing for this release. */
  index(release: Release): Promise<Artifact[]>;
}

/** A store on this machine: one that `build` filled, or one that came with the host. */
export class StoreSource implements ComponentSource {
  readonly kind = 'store';
  readonly #store: ComponentStore;

  constructor(store: ComponentStore) {
    this.#store = store;
  }

  describe(): string {
    return `the component store ${this.#store.directory}`;
  }

  index(release: Release): Promise<Artifact[]> {
    return this.#store.index(release.kubernetes);
  }

  async serveImages(images: readonly Artifact[]): Promise<ImageServer> {
    const server = new ComponentServer(this.#store, images);
    const { url } = await server.start('127.0.0.1');
    return { url, close: () => server.stop() };
  }

  async *open(artifact: Artifact): AsyncGenerator<Uint8Array> {
    const path = this.#store.blobPath(artifact.sha256);
    if (await exists(path)) return yield* readPieces(path);
    throw new UserError(`${this.describe()} has lost ${artifact.name} (SHA-256 ${artifact.sha256})`, {
      remedy: 'make the store anew (on a lab machine: kadm lab up), then run the same command again',
    });
  }
}

/** An artefact as a file to install. */
export function promisedFile(
  artifact: Artifact,
  source: ComponentSource,
  signal?: AbortSignal,
): PromisedFile {
  return {
    name: `${artifact.name} from ${source.describe()}`,
    sha256: artifact.sha256,
    size: artifact.size,
    open: () => source.open(artifact, signal),
    ...(signal === undefined ? {} : { signal }),
  };
}

export interface HttpSourceOptions {
  /** How often in a row to try without getting one byte further; 5 when left out. */
  readonly attempts?: number;
  /** In milliseconds between two attempts, doubling; 250 when left out. */
  readonly pauseMs?: number;
  /** In milliseconds without a byte, after which a connection counts as dead; 30,000 when left out. */
  readonly stallMs?: number;
}

/** A server that gives files by digest (ComponentServer). The artefacts come from elsewhere, never from it. */
export class HttpSource implements ComponentSource {
  readonly kind = 'http';
  readonly #url: string;
  readonly #artifacts: readonly Artifact[];
  readonly #options: Required<HttpSourceOptions>;

  constructor(url: string, artifacts: readonly Artifact[], options: HttpSourceOptions = {}) {
    this.#url = url.replace(/\/+$/, '');
    this.#artifacts = artifacts;
    this.#options = { attempts: 5, pauseMs: 250, stallMs: 30_000, ...options };
  }

  describe(): string {
    return this.#url;
  }

  async index(_release: Release): Promise<Artifact[]> {
    return [...this.#artifacts];
  }

  async serveImages(): Promise<ImageServer> {
    return { url: this.#url, close: async () => {} };
  }

  /** The file from its first to its last byte; a cut is mended by asking for the rest. */
  async *open(artifact: Artifact, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    const { attempts, pauseMs } = this.#options;
    let received = 0;
    let cause: unknown = new Error('it ended too early');
    for (let failures = 0; failures < attempts; failures += 1) {
      if (failures > 0) await sleep(pauseMs * 2 ** (failures - 1));
      const before = received;
      try {
        for await (const chunk of this.#request(artifact, received, signal)) {
          received += chunk.length;
          yield chunk;
        }
        if (received >= artifact.size) return;
      } catch (error) {
        if (error instanceof UserError || signal?.aborted) throw error;
        cause = error;
      }
      if (received > before) failures = 0;
    }
    throw new UserError(
      `${artifact.name} stopped coming from ${this.#url} after ${received} of ${artifact.size} bytes: ${messageOf(cause)}`,
      { remedy: 'see that this host reaches that address, then run the same command again', cause },
    );
  }

  async *#request(
    artifact: Artifact,
    offset: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    const url = new URL(`${this.#url}/sha256/${artifact.sha256}`);
    const answer = await httpGet(url, offset, { stallMs: this.#options.stallMs, signal });
    try {
      // A server that cannot resume starts over.
      let superfluous = this.#acceptedFrom(answer.status, artifact, offset);
      for await (const piece of answer.body) {
        const fresh = piece.subarray(Math.min(superfluous, piece.length));
        superfluous -= piece.length - fresh.length;
        if (fresh.length > 0) yield fresh;
      }
    } finally {
      answer.close();
    }
  }

  /** How many bytes of the answer were received before. */
  #acceptedFrom(status: number, artifact: Artifact, offset: number): number {
    if (status === 206) return 0;
    if (status === 200) return offset;
    if (status >= 500) throw new Error(`HTTP ${status}`);
    throw new UserError(`${this.#url} answers ${status} for ${artifact.name}`, {
      remedy: 'start the join again from the master, which then serves what this host needs',
    });
  }
}
