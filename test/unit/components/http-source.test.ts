import { readdir, readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { releaseFor } from '../../../src/components/catalog.ts';
import { ComponentServer } from '../../../src/components/server.ts';
import { HttpSource, promisedFile } from '../../../src/components/source.ts';
import { ComponentStore } from '../../../src/components/store.ts';
import { UserError } from '../../../src/errors.ts';
import { LocalHost } from '../../../src/host/host.ts';
import { artifactOf, digest, scratchFolders } from './scratch.ts';

const scratch = scratchFolders();
const CONTENT = Buffer.from(Array.from({ length: 400_000 }, (_, index) => index % 251));
const ARTIFACT = artifactOf(CONTENT);
const QUICK = { attempts: 3, pauseMs: 1, stallMs: 100 };
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Installs the artefact as a host does. */
async function fetchFrom(url: string): Promise<{ folder: string; path: Promise<string> }> {
  const folder = await scratch();
  const file = promisedFile(ARTIFACT, new HttpSource(url, [ARTIFACT], QUICK));
  const target = `${folder}/kubelet`;
  return { folder, path: new LocalHost().installFile(file, target, { mode: 0o755 }).then(() => target) };
}

test('gives what a component server has', async () => {
  const origin = new ComponentStore(await scratch());
  await origin.add(Readable.from([CONTENT]));
  const server = new ComponentServer(origin, [ARTIFACT]);
  const { url } = await server.start('127.0.0.1');
  try {
    const { path } = await fetchFrom(`${url}/`);
    expect(digest(await readFile(await path))).toBe(ARTIFACT.sha256);
  } finally {
    await server.stop();
  }
});

test('lists the artefacts that it was told of, and asks nobody for them', async () => {
  const source = new HttpSource('http://127.0.0.1:1', [ARTIFACT]);
  expect(await source.index(releaseFor('v1.36.3'))).toEqual([ARTIFACT]);
});

describe('a connection that is cut', () => {
  test('goes on from the last byte, as often as it gets further', async () => {
    const ranges: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      ranges.push(request.headers.range);
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(start === 0 ? 200 : 206, { 'content-length': CONTENT.length - start });
      response.write(CONTENT.subarray(start, start + 60_000), () => setTimeout(() => response.destroy(), 5));
    });
    const { path } = await fetchFrom(url);
    expect(digest(await readFile(await path))).toBe(ARTIFACT.sha256);
    expect(ranges.slice(0, 3)).toEqual([undefined, 'bytes=60000-', 'bytes=120000-']);
    // More cuts than attempts: those count only while nothing comes.
    expect(ranges.length).toBeGreaterThan(QUICK.attempts);
  });

  test('starts over with a server that cannot resume, without mixing the two', async () => {
    let requests = 0;
    const url = await serve((_request, response) => {
      requests += 1;
      response.writeHead(200, { 'content-length': CONTENT.length });
      if (requests > 1) response.end(CONTENT);
      else response.write(CONTENT.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 5));
    });
    const { path } = await fetchFrom(url);
    expect(digest(await readFile(await path))).toBe(ARTIFACT.sha256);
    expect(requests).toBe(2);
  });

  test('is given up when nothing more comes, with the reason and how far it got', async () => {
    const url = await serve((request, response) => {
      if (request.headers.range !== undefined) return response.destroy();
      response.writeHead(200, { 'content-length': CONTENT.length });
      return response.write(CONTENT.subarray(0, 5000), () => setTimeout(() => response.destroy(), 5));
    });
    const { folder, path } = await fetchFrom(url);
    await expect(path).rejects.toThrow(UserError);
    await expect(path).rejects.toThrow(/kubelet stopped coming from .* after 5000 of 400000 bytes: .+/);
    expect(await readdir(folder)).toEqual([]);
  });

  test('counts as cut when it only hangs', async () => {
    const url = await serve(() => {});
    const { path } = await fetchFrom(url);
    await expect(path).rejects.toThrow('nothing came any more');
  });

  test('an address where nobody listens is named with the reason', async () => {
    const { path } = await fetchFrom('http://127.0.0.1:1');
    await expect(path).rejects.toThrow(
      /http:\/\/127\.0\.0\.1:1 after 0 of 400000 bytes: .*(ECONNREFUSED|bad port)/,
    );
  });
});

describe('a server that is not to be trusted', () => {
  test('a changed byte is found, and nothing is kept', async () => {
    const tampered = Buffer.from(CONTENT);
    tampered[399_999] = 1 + (tampered[399_999] ?? 0);
    const url = await serve((_request, response) => response.end(tampered));
    const { folder, path } = await fetchFrom(url);
    await expect(path).rejects.toThrow('was promised');
    expect(await readdir(folder)).toEqual([]);
  });

  test('an answer without end is cut off', async () => {
    let sent = 0;
    const url = await serve((_request, response) => {
      const pour = (): void => {
        if (response.destroyed) return;
        sent += CONTENT.length;
        response.write(CONTENT, pour);
      };
      pour();
    });
    const { path } = await fetchFrom(url);
    await expect(path).rejects.toThrow('was promised');
    expect(sent).toBeLessThan(100 * CONTENT.length);
  });

  test('it cannot send the reader elsewhere', async () => {
    let asked = 0;
    const elsewhere = await serve((_request, response) => {
      asked += 1;
      response.end(CONTENT);
    });
    const url = await serve((_request, response) => response.writeHead(302, { location: elsewhere }).end());
    const { path } = await fetchFrom(url);
    await expect(path).rejects.toThrow(UserError);
    expect(asked).toBe(0);
  });

  test('what it does not have is said at once', async () => {
    let asked = 0;
    const url = await serve((_request, response) => {
      asked += 1;
      response.writeHead(404).end();
    });
    const { path } = await fetchFrom(url);
    await expect(path).rejects.toThrow('answers 404 for kubelet');
    expect(asked).toBe(1);
  });
});
