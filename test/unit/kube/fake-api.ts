import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { issueAuthority, issueLeaf } from '../../../src/pki/issue.ts';
import { generateKeyPair, privateKeyPem } from '../../../src/pki/keys.ts';
import type { ApiCredentials } from '../../../src/pki/kubeconfig.ts';

export interface Seen {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Number of the connection on which it came, from 1. */
  readonly connection: number;
}

export type Handler = (request: Seen, response: ServerResponse) => void;

/** An HTTPS server on loopback that speaks as a test tells it to, for what a real API server does only rarely. */
export class FakeApi {
  readonly seen: Seen[] = [];
  handler: Handler = (_, response) => response.end('{}');
  #server: Server | undefined;
  #connections = 0;
  #credentials: ApiCredentials | undefined;

  get credentials(): ApiCredentials {
    if (this.#credentials === undefined) throw new Error('not started');
    return this.#credentials;
  }

  async start(names = { dns: ['localhost'], ips: ['127.0.0.1'] }): Promise<void> {
    const now = new Date();
    const [caKey, key] = [
      (await generateKeyPair('ECDSA-P256')).privateKey,
      (await generateKeyPair('ECDSA-P256')).privateKey,
    ];
    const caPem = issueAuthority('fake-ca', caKey, now);
    const request = {
      path: 'fake',
      subject: { commonName: 'fake' },
      key,
      usages: ['server'],
      names,
    } as const;
    const cert = issueLeaf({ path: 'fake', certPem: caPem, key: caKey }, request, now);
    const server = createServer({ cert, key: privateKeyPem(key) }, (message, response) => {
      void this.#answer(message, response);
    });
    server.on('secureConnection', (socket) => {
      this.#connections += 1;
      Object.assign(socket, { number: this.#connections });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.#credentials = { server: `https://127.0.0.1:${port}`, caPem };
  }

  stop(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  /** Ends the kept-alive connections that wait for their next request. */
  dropIdle(): void {
    this.#server?.closeIdleConnections();
  }

  async #answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of message) body += String(chunk);
    const seen = {
      method: message.method ?? '',
      url: new URL(message.url ?? '', 'https://fake'),
      headers: message.headers,
      body,
      connection: (message.socket as unknown as { number: number }).number,
    };
    this.seen.push(seen);
    this.handler(seen, response);
  }
}

/** Answers with JSON. */
export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}
