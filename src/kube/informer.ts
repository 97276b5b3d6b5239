import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../errors.ts';
import { ApiError } from './api-error.ts';
import { type BackoffLimits, backoffMs } from './backoff.ts';
import type { KubeClient, Query } from './client.ts';
import type { WatchEvent } from './watch-event.ts';

/** What an informer needs of an object's metadata. */
export interface Listed {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
  };
}

export type Change<Kept> =
  /** The whole set is known: at first, and again after what was missed could not be caught up with. */
  | { readonly type: 'synced'; readonly items: ReadonlyMap<string, Kept> }
  | { readonly type: 'set'; readonly key: string; readonly item: Kept }
  | { readonly type: 'removed'; readonly key: string; readonly item: Kept };

export interface InformerOptions<T extends Listed, Kept> {
  /** Path of the collection, such as /api/v1/nodes. */
  readonly path: string;
  readonly query?: Query;
  /** What is kept of an object: all that memory holds of it. Undefined for one that is of no interest. */
  readonly select: (object: T) => Kept | undefined;
  /** Called in order. Of an object whose kept part did not change nothing is said. */
  readonly onChange: (change: Change<Kept>) => void;
  /** Told of each failure to reach the API, with the pause before the next try. */
  readonly onTrouble?: (message: string, pauseMs: number) => void;
  readonly backoff?: BackoffLimits;
}

const DEFAULT_BACKOFF: BackoffLimits = { firstMs: 200, maxMs: 30_000 };

/**
 * Knows a collection of the API as it is now: lists it once, then follows it by watches that resume where the
 * last one ended, and lists again only when the server no longer knows that point (410). No polling.
 */
export class Informer<T extends Listed, Kept> {
  readonly #client: Pick<KubeClient, 'pages' | 'watch'>;
  readonly #options: InformerOptions<T, Kept>;
  readonly #backoff: BackoffLimits;
  #items = new Map<string, Kept>();
  /** Where to go on watching; undefined when a list is needed first. */
  #resourceVersion: string | undefined;
  #failures = 0;

  constructor(client: Pick<KubeClient, 'pages' | 'watch'>, options: InformerOptions<T, Kept>) {
    this.#client = client;
    this.#options = options;
    this.#backoff = options.backoff ?? DEFAULT_BACKOFF;
  }

  /** What is kept, by name, or namespace/name. */
  get items(): ReadonlyMap<string, Kept> {
    return this.#items;
  }

  /** Follows the collection until the signal. @throws whatever onChange or select throws */
  async start(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const begun = performance.now();
      try {
        if (this.#resourceVersion === undefined) await this.#list(signal);
        await this.#watch(this.#resourceVersion ?? '', signal);
        // A stream that ends at once, again and again, is no better than an error.
        if (performance.now() - begun >= this.#backoff.firstMs) continue;
        await this.#pause('the watch ended at once', signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof CallbackError) throw error.cause;
        if (isExpired(error)) this.#resourceVersion = undefined;
        await this.#pause(messageOf(error), signal);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const items = new Map<string, Kept>();
    let resourceVersion = '';
    for await (const page of this.#client.pages<T>(this.#options.path, this.#options.query, signal)) {
      for (const object of page.items) {
        const kept = this.#select(object);
        if (kept !== undefined) items.set(keyOf(object), kept);
      }
      resourceVersion = page.resourceVersion;
    }
    this.#items = items;
    this.#resourceVersion = resourceVersion;
    this.#emit({ type: 'synced', items });
  }

  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { path, query } = this.#options;
    const options = { resourceVersion, signal, ...(query === undefined ? {} : { query }) };
    for await (const event of this.#client.watch<T>(path, options)) {
      this.#take(event);
      this.#failures = 0;
    }
  }

  #take(event: WatchEvent<T>): void {
    if (event.type === 'ERROR')
      throw new ApiError(`watch ${this.#options.path}`, event.object.code ?? 0, event.object);
    const { object } = event;
    this.#resourceVersion = object.metadata.resourceVersion ?? this.#resourceVersion;
    if (event.type === 'BOOKMARK') return;
    const key = keyOf(object);
    const before = this.#items.get(key);
    const after = event.type === 'DELETED' ? undefined : this.#select(object);
    if (after !== undefined) {
      if (isDeepStrictEqual(before, after)) return;
      this.#items.set(key, after);
      this.#emit({ type: 'set', key, item: after });
    } else if (before !== undefined) {
      this.#items.delete(key);
      this.#emit({ type: 'removed', key, item: before });
    }
  }

  #select(object: T): Kept | undefined {
    return guarded(() => this.#options.select(object));
  }

  #emit(change: Change<Kept>): void {
    guarded(() => this.#options.onChange(change));
  }

  async #pause(message: string, signal: AbortSignal): Promise<void> {
    const pauseMs = backoffMs(this.#failures, this.#backoff, Math.random());
    this.#failures += 1;
    this.#options.onTrouble?.(message, Math.round(pauseMs));
    // Ending early is what the signal is for.
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Marks what the user of an informer threw: that is not the network's fault, and no reason to try again. */
class CallbackError extends Error {}

function guarded<T>(callback: () => T): T {
  try {
    return callback();
  } catch (error) {
    throw new CallbackError('thrown by an informer’s user', { cause: error });
  }
}

/** The server has forgotten the point to resume from: 410, Gone or Expired (Kubernetes API concepts). */
function isExpired(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 410 || error.reason === 'Expired');
}

function keyOf({ metadata: { name, namespace } }: Listed): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
