import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { isIP } from 'node:net';
import { hasCode } from '../errors.ts';
import type { ApiCredentials } from '../pki/kubeconfig.ts';
import { ConnectionError } from './api-error.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** Calls at once on one pool: what is more waits, so that a burst does not pay for a TLS handshake each. */
const MAX_SOCKETS = 16;
/** Probing of a silent connection starts after this long: a half-open watch is noticed within a minute. */
const TCP_KEEPALIVE_MS = 30_000;

/** HTTPS to one API server: one pool of kept-alive connections, every call bounded in time and size. */
export class Transport {
  readonly #credentials: ApiCredentials;
  readonly #agent: Agent;
  readonly #maxBytes: number;

  constructor(credentials: ApiCredentials, maxBytes: number) {
    this.#credentials = credentials;
    this.#maxBytes = maxBytes;
    this.#agent = new Agent({ keepAlive: true, keepAliveMsecs: TCP_KEEPALIVE_MS, maxSockets: MAX_SOCKETS });
  }

  /**
   * One whole answer, whatever its status.
   * @throws ConnectionError without a whole answer within `timeoutMs`; the signal's reason when it ends the call
   */
  async exchange(call: Call, timeoutMs: number): Promise<Answer> {
    const deadline = new Deadline(timeoutMs, call.signal);
    try {
      const response = await this.#send(call, deadline.signal);
      const text = await readBody(response, this.#maxBytes);
      return { status: response.statusCode ?? 0, headers: response.headers, text };
    } catch (error) {
      throw this.explained(call, deadline.reasonOf(error));
    } finally {
      deadline.clear();
    }
  }

  /**
   * A stream that goes on, on a connection of its own so that it takes none from the pool.
   * The bound in time is for the first byte of the answer; afterwards the stream breaks after `silenceMs` without a byte.
   */
  async stream(call: Call, timeoutMs: number, silenceMs: number): Promise<IncomingMessage> {
    const deadline = new Deadline(timeoutMs, call.signal);
    try {
      const response = await this.#send(call, deadline.signal, false);
      response.socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
      response.setTimeout(silenceMs, () =>
        response.destroy(new Error(`nothing came for ${silenceMs / 1000} s`)),
      );
      // The bound was for the answer to begin; the caller's signal holds until the end.
      deadline.stopClock();
      response.once('close', () => deadline.clear());
      return response;
    } catch (error) {
      deadline.clear();
      throw this.explained(call, deadline.reasonOf(error));
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(call: Call, signal: AbortSignal, pool: Agent | false = this.#agent): Promise<IncomingMessage> {
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    const options = { ...this.#options(call, body), agent: pool, signal };
    try {
      return await sendOnce(options, body);
    } catch (error) {
      // The server may close an idle connection at the moment it is used again (Node's manual, request.reusedSocket).
      if (!(error instanceof StaleConnection) || call.method === 'POST') throw error;
      return await sendOnce(options, body);
    }
  }

  #options(call: Call, body: Buffer | undefined): RequestOptions {
    const { server, caPem, certPem, keyPem, token, serverName } = this.#credentials;
    const url = new URL(call.path, server);
    for (const [key, value] of Object.entries(call.query ?? {})) url.searchParams.set(key, String(value));
    const host = url.hostname.replace(/^\[|\]$/g, '');
    // An address is no server name (RFC 6066, 3).
    const name = serverName ?? (isIP(host) === 0 ? host : undefined);
    return {
      method: call.method,
      host,
      port: url.port,
      path: `${url.pathname}${url.search}`,
      ca: caPem,
      ...(name === undefined ? {} : { servername: name }),
      ...(certPem === undefined ? {} : { cert: certPem }),
      ...(keyPem === undefined ? {} : { key: keyPem }),
      headers: {
        accept: 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined
          ? {}
          : { 'content-type': call.contentType ?? 'application/json', 'content-length': body.length }),
      },
    };
  }

  /** The error to throw for a call that broke: the signal's reason where that ended it, else a ConnectionError. */
  explained(call: Call, error: unknown): unknown {
    if (call.signal?.aborted === true) return call.signal.reason;
    return new ConnectionError(
      { method: call.method, url: new URL(call.path, this.#credentials.server) },
      error,
    );
  }
}

/** A connection from the pool that was dead when it was used again. */
class StaleConnection extends Error {}

function sendOnce(options: RequestOptions, body: Buffer | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const call = request(options, resolve);
    call.on('error', (error) => {
      const stale = call.reusedSocket && (hasCode(error, 'ECONNRESET') || hasCode(error, 'EPIPE'));
      reject(stale ? new StaleConnection(error.message, { cause: error }) : error);
    });
    call.end(body);
  });
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new Error(`an answer of more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A bound in time beside a caller's signal: whichever comes first ends the call. */
class Deadline {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #caller: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#controller.abort(this.#caller?.reason);
  #expired: Error | undefined;

  constructor(timeoutMs: number, caller: AbortSignal | undefined) {
    this.signal = this.#controller.signal;
    this.#caller = caller;
    this.#timer = setTimeout(() => {
      this.#expired = new Error(`no answer within ${timeoutMs / 1000} s`);
      this.#controller.abort(this.#expired);
    }, timeoutMs);
    if (caller?.aborted === true) this.#onAbort();
    else caller?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Why the call ended, where it was the bound in time that ended it. */
  reasonOf(error: unknown): unknown {
    return this.#expired ?? error;
  }

  clear(): void {
    this.stopClock();
    this.#caller?.removeEventListener('abort', this.#onAbort);
  }

  stopClock(): void {
    clearTimeout(this.#timer);
  }
}
