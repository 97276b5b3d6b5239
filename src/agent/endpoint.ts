import { readFile, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { hasCode, messageOf } from '../errors.ts';
import type { Access } from './access.ts';
import type { Log } from './log.ts';
import { AGENT_PORT } from './port.ts';
import type { Service } from './service.ts';

/** The kubelet's own serving certificate and key: this node's names, the cluster's CA, renewed by the kubelet. */
const SERVING_PEM = '/var/lib/kubelet/pki/kubelet-server-current.pem';
/** A kubelet has its first one some seconds after the node came; a new one comes once a year. */
const FIRST_LOOK_MS = 2_000;
const LOOK_MS = 60_000;
const REQUEST_TIMEOUT_MS = 10_000;

/** What one path answers with, to whom may read that subresource of the Node; to everybody where it names none. */
export interface Page {
  readonly subresource: 'metrics' | 'stats' | 'proxy' | undefined;
  readonly contentType: string;
  /** Undefined where there is nothing that the query asks for. */
  readonly render: (query: URLSearchParams) => string | undefined | Promise<string | undefined>;
}

export interface EndpointOptions {
  /** The node's address. */
  readonly address: string;
  /** Of client certificates. */
  readonly caFile: string;
  readonly access: Access;
  readonly pages: Readonly<Record<string, Page>>;
  readonly log: Log;
}

/** HTTPS on the node's address, with the kubelet's certificate, and its rules for who may read. */
export class Endpoint implements Service {
  readonly name = 'endpoint';
  readonly #options: EndpointOptions;

  constructor(options: EndpointOptions) {
    this.#options = options;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { address, caFile } = this.#options;
    let server: Server | undefined;
    let shown = 0;
    try {
      while (!signal.aborted) {
        const changed = await changedAt(SERVING_PEM);
        if (changed !== undefined && changed !== shown) {
          const pem = await readFile(SERVING_PEM);
          shown = changed;
          if (server === undefined) server = await this.#listen(address, pem, await readFile(caFile));
          else
            server.setSecureContext({
              key: pem,
              cert: pem,
              ca: await readFile(caFile),
              minVersion: 'TLSv1.2',
            });
        }
        const pause = server === undefined ? FIRST_LOOK_MS : LOOK_MS;
        await sleep(pause, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      server?.closeAllConnections();
      server?.close();
    }
  }

  async #listen(host: string, pem: Buffer, ca: Buffer): Promise<Server> {
    const tls = { key: pem, cert: pem, ca, requestCert: true, rejectUnauthorized: false } as const;
    const limits = { requestTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: 16_384 };
    const server = createServer({ ...tls, ...limits, minVersion: 'TLSv1.2' }, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        this.#options.log('warn', messageOf(error), { service: this.name, path: request.url });
        finish(response, 500, 'it failed; the log of the agent says why\n');
      });
    });
    server.maxConnections = 32;
    // A handshake that fails is the caller's business.
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port: AGENT_PORT }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return server;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const [path = '', query = ''] = (request.url ?? '').split('?');
    const page = Object.hasOwn(this.#options.pages, path) ? this.#options.pages[path] : undefined;
    if (page?.subresource !== undefined || page === undefined) {
      const { access } = this.#options;
      const caller = await access.callerOf(request.socket as TLSSocket, request.headers.authorization);
      if (caller === undefined) return finish(response, 401, 'Unauthorized\n');
      if (!(await access.mayGet(caller, page?.subresource ?? 'proxy')))
        return finish(response, 403, 'Forbidden\n');
    }
    if (page === undefined) return finish(response, 404, 'no such page\n');
    if (request.method !== 'GET') return finish(response, 405, 'only GET\n');
    const text = await page.render(new URLSearchParams(query));
    if (text === undefined) return finish(response, 404, 'nothing is known of what it asks for\n');
    finish(response, 200, text, page.contentType);
  }
}

function finish(response: ServerResponse, status: number, text: string, contentType = 'text/plain'): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'content-type': contentType, 'x-content-type-options': 'nosniff' });
  response.end(text);
}

async function changedAt(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
