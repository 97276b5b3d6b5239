import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiCredentials } from '../pki/kubeconfig.ts';
import { ApiError, statusFrom } from './api-error.ts';
import { readLines } from './lines.ts';
import { type KubeObject, objectPath } from './objects.ts';
import { type Answer, type Call, Transport } from './transport.ts';
import { eventFrom, type WatchEvent } from './watch-event.ts';

export { ApiError, ConnectionError, detailOf } from './api-error.ts';

export interface ListResult<T> {
  readonly items: T[];
  readonly resourceVersion: string;
}

export type Query = Readonly<Record<string, string | number | boolean>>;

export type PatchType =
  | 'application/strategic-merge-patch+json'
  | 'application/merge-patch+json'
  | 'application/json-patch+json';

export interface ClientOptions {
  /** Bound of one call in milliseconds, its retries included; 60,000 when left out, as kubeadm's. */
  readonly timeoutMs?: number;
  /** Bound of one answer in bytes; 64 MiB when left out: a page of large objects. */
  readonly maxResponseBytes?: number;
}

export interface ApplyOptions {
  /** Who owns the fields; kadm when left out. */
  readonly fieldManager?: string;
  readonly subresource?: 'status';
}

export interface WatchOptions {
  readonly resourceVersion: string;
  readonly signal: AbortSignal;
  readonly query?: Query;
  /** After how long the server ends the stream, to be resumed; 300 when left out. */
  readonly timeoutSeconds?: number;
  /**
   * After how long without a byte the stream counts as dead; 180,000 when left out: the server sends a bookmark
   * every minute.
   */
  readonly silenceMs?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
const DEFAULT_SILENCE_MS = 180_000;
/** Longer than any object: etcd takes no request of more than 1.5 MiB. */
const MAX_EVENT_BYTES = 8 * 1024 * 1024;
/**
 * Objects of one page of a list. kubectl asks for 500; of thousands of Nodes, the text and the objects of so many leave
 * 20 MB behind in an agent that keeps a tenth of it.
 */
const PAGE = 100;

/** A thin client of the Kubernetes API: objects are plain data, calls are bounded, one kept-alive connection pool. */
export class KubeClient {
  readonly #transport: Transport;
  readonly #timeoutMs: number;

  constructor(credentials: ApiCredentials, options: ClientOptions = {}) {
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#transport = new Transport(credentials, options.maxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES);
  }

  async get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return JSON.parse(await this.text(path, query, signal)) as T;
  }

  /** The body as it is, for endpoints such as /readyz that do not speak JSON. */
  async text(path: string, query?: Query, signal?: AbortSignal): Promise<string> {
    return await this.#call({ method: 'GET', path, signal, ...(query === undefined ? {} : { query }) });
  }

  /** Undefined where there is no such object. */
  async find<T>(path: string): Promise<T | undefined> {
    try {
      return await this.get<T>(path);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** All objects, read page by page. For many of which little is to be kept, see `pages`. */
  async list<T>(path: string, query: Query = {}): Promise<ListResult<T>> {
    const items: T[] = [];
    let resourceVersion = '';
    for await (const page of this.pages<T>(path, query)) {
      items.push(...page.items);
      resourceVersion = page.resourceVersion;
    }
    return { items, resourceVersion };
  }

  /** The pages of a list, all of one state of the cluster. @throws ApiError 410 when that state is too old to go on */
  async *pages<T>(path: string, query: Query = {}, signal?: AbortSignal): AsyncGenerator<ListResult<T>> {
    let next = '';
    do {
      const page = await this.get<{
        items?: T[] | null;
        metadata?: { resourceVersion?: string; continue?: string };
      }>(path, { ...query, limit: PAGE, ...(next === '' ? {} : { continue: next }) }, signal);
      yield { items: page.items ?? [], resourceVersion: page.metadata?.resourceVersion ?? '' };
      next = page.metadata?.continue ?? '';
    } while (next !== '');
  }

  /** Server-side apply: the object becomes what is given here, whatever it was, and kadm owns these fields. */
  async apply<T extends KubeObject>(object: T, options: ApplyOptions = {}): Promise<T> {
    const text = await this.#call({
      method: 'PATCH',
      path: `${objectPath(object)}${options.subresource === undefined ? '' : `/${options.subresource}`}`,
      query: { fieldManager: options.fieldManager ?? 'kadm', force: true },
      body: object,
      contentType: 'application/apply-patch+yaml',
    });
    return JSON.parse(text) as T;
  }

  /** @param path of the collection, or of a subresource such as a pod's eviction */
  async create<T>(path: string, body: unknown): Promise<T> {
    return JSON.parse(await this.#call({ method: 'POST', path, body })) as T;
  }

  async replace<T>(path: string, body: unknown): Promise<T> {
    return JSON.parse(await this.#call({ method: 'PUT', path, body })) as T;
  }

  async patch<T>(path: string, body: unknown, contentType: PatchType): Promise<T> {
    return JSON.parse(await this.#call({ method: 'PATCH', path, body, contentType })) as T;
  }

  async delete(path: string): Promise<void> {
    await this.#call({ method: 'DELETE', path });
  }

  /**
   * The events of a list from `resourceVersion` on; ends when the server ends it, or the signal.
   * @throws ApiError (410 when the version is too old), ConnectionError when the stream breaks or falls silent
   */
  async *watch<T>(path: string, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const query = {
      ...options.query,
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: options.resourceVersion,
      timeoutSeconds: options.timeoutSeconds ?? 300,
    };
    const call: Call = { method: 'GET', path, query, signal: options.signal };
    const response = await this.#transport.stream(
      call,
      this.#timeoutMs,
      options.silenceMs ?? DEFAULT_SILENCE_MS,
    );
    try {
      if (response.statusCode !== 200) throw await refusal(call, response);
      for await (const line of readLines(response, MAX_EVENT_BYTES)) yield eventFrom<T>(line);
    } catch (error) {
      if (options.signal.aborted) return;
      throw error instanceof ApiError ? error : this.#transport.explained(call, error);
    } finally {
      response.destroy();
    }
  }

  /** Closes the kept-alive connections; streams end by their own signals. */
  close(): void {
    this.#transport.close();
  }

  /** Refusals that ask to be repeated are (429 and 503 with Retry-After), within the bound of one call. */
  async #call(call: Call): Promise<string> {
    const end = performance.now() + this.#timeoutMs;
    for (;;) {
      const answer = await this.#transport.exchange(call, Math.max(1, Math.ceil(end - performance.now())));
      if (answer.status >= 200 && answer.status < 300) return answer.text;
      const pauseMs = retryAfterMs(answer);
      if (pauseMs === undefined || performance.now() + pauseMs > end) {
        throw new ApiError(`${call.method} ${call.path}`, answer.status, statusFrom(answer.text));
      }
      await sleep(pauseMs, undefined, call.signal === undefined ? {} : { signal: call.signal });
    }
  }
}

function retryAfterMs({ status, headers }: Answer): number | undefined {
  const seconds = Number(headers['retry-after']);
  if ((status !== 429 && status !== 503) || !Number.isFinite(seconds)) return undefined;
  return seconds * 1000;
}

async function refusal({ method, path }: Call, response: IncomingMessage): Promise<ApiError> {
  let text = '';
  for await (const line of readLines(response, MAX_EVENT_BYTES)) text += line;
  return new ApiError(`${method} ${path}`, response.statusCode ?? 0, statusFrom(text));
}
