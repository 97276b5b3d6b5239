import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, UserError } from '../errors.ts';
import { exists } from '../host/host.ts';
import type { Release } from './catalog.ts';
import type { Artifact, BlobSource, ComponentStore } from './store.ts';

/** Where components come from. A source is trusted for nothing: the digests of the artefacts are. */
export interface ComponentSource extends BlobSource {
  readonly kind: 'store' | 'http';
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

  async open(artifact: Artifact): Promise<Readable> {
    const path = this.#store.blobPath(artifact.sha256);
    if (await exists(path)) return createReadStream(path, { highWaterMark: 1024 * 1024 });
    throw new UserError(`${this.describe()} has lost ${artifact.name} (SHA-256 ${artifact.sha256})`, {
      remedy: 'make the store anew (on a lab machine: kadm lab up), then run the same command again',
    });
  }
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

  async open(artifact: Artifact): Promise<Readable> {
    return Readable.from(this.#download(artifact), { objectMode: false });
  }

  /** The file from its first to its last byte; a cut is mended by asking for the rest. */
  async *#download(artifact: Artifact): AsyncGenerator<Uint8Array> {
    const { attempts, pauseMs } = this.#options;
    let received = 0;
    let cause: unknown = new Error('it ended too early');
    for (let failures = 0; failures < attempts; failures += 1) {
      if (failures > 0) await sleep(pauseMs * 2 ** (failures - 1));
      const before = received;
      try {
        for await (const chunk of this.#request(artifact, received)) {
          received += chunk.length;
          yield chunk;
        }
        if (received >= artifact.size) return;
      } catch (error) {
        if (error instanceof UserError) throw error;
        cause = error;
      }
      if (received > before) failures = 0;
    }
    throw new UserError(
      `${artifact.name} stopped coming from ${this.#url} after ${received} of ${artifact.size} bytes: ${reason(cause)}`,
      { remedy: 'see that this host reaches that address, then run the same command again', cause },
    );
  }

  async *#request(artifact: Artifact, offset: number): AsyncGenerator<Uint8Array> {
    const watch = new AbortController();
    const timer = setTimeout(() => watch.abort(new Error('nothing came any more')), this.#options.stallMs);
    try {
      const response = await fetch(`${this.#url}/sha256/${artifact.sha256}`, {
        redirect: 'error',
        signal: watch.signal,
        headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
      });
      // A server that cannot resume starts over.
      let superfluous = this.#acceptedFrom(response, artifact, offset);
      for await (const chunk of response.body ?? []) {
        timer.refresh();
        const fresh = chunk.subarray(Math.min(superfluous, chunk.length));
        superfluous -= chunk.length - fresh.length;
        if (fresh.length > 0) yield fresh;
      }
    } finally {
      clearTimeout(timer);
      // Frees the connection when the reader has gone.
      watch.abort();
    }
  }

  /** How many bytes of the answer were received before. */
  #acceptedFrom(response: Response, artifact: Artifact, offset: number): number {
    if (response.status === 206) return 0;
    if (response.status === 200) return offset;
    if (response.status >= 500) throw new Error(`HTTP ${response.status}`);
    throw new UserError(`${this.#url} answers ${response.status} for ${artifact.name}`, {
      remedy: 'start the join again from the master, which then serves what this host needs',
    });
  }
}

/** What fetch says is only "fetch failed"; the cause says why. */
function reason(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}
