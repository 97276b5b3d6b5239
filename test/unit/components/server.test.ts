import { request } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ociArchive } from '../../../src/components/build/oci-archive.ts';
import { ComponentServer } from '../../../src/components/server.ts';
import { type Artifact, ComponentStore } from '../../../src/components/store.ts';
import { artifactOf, digest, scratchFolders } from './scratch.ts';

const scratch = scratchFolders();
const CONTENT = 'the kubelet';
const SECRET = 'not for everybody';
let server: ComponentServer;
let url: URL;
let manifestDigest: string;

beforeEach(async () => {
  const store = new ComponentStore(await scratch());
  await store.add(Readable.from([CONTENT]));
  await store.add(Readable.from([SECRET]));
  const image = await imageIn(store);
  const listed = [artifactOf(CONTENT), artifactOf('promised but not there'), image];
  server = new ComponentServer(store, listed, { maxConnections: 3 });
  url = new URL((await server.start('127.0.0.1')).url);
});

afterEach(() => server.stop());

/** An image in the store, and what it is as an artefact. */
async function imageIn(store: ComponentStore): Promise<Artifact> {
  const name = 'registry.example/tools/pause:v1';
  const content = Buffer.from('text of a program');
  const entries = [{ type: 'file', path: '/pause', mode: 0o755, source: content } as const];
  const { digest: found, archive } = await ociArchive({ name, architecture: 'amd64', entries });
  manifestDigest = found;
  const { sha256, size } = await store.add(archive);
  return { name: 'image-pause', version: 'v1', kind: 'image', sha256, size, image: { name, digest: found } };
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

/** The path is sent as it is, dots and all. */
function ask(path: string, method = 'GET', headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { host: url.hostname, port: url.port, path, method, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    asking.on('error', reject).end();
  });
}

const path = `/sha256/${digest(CONTENT)}`;

describe('a file on the list', () => {
  test('comes whole', async () => {
    const { status, headers, body } = await ask(path);
    expect({ status, body }).toEqual({ status: 200, body: CONTENT });
    expect(headers['content-length']).toBe('11');
  });

  test('comes in part, from where a reader was cut off', async () => {
    const { status, headers, body } = await ask(path, 'GET', { range: 'bytes=4-' });
    expect({ status, body }).toEqual({ status: 206, body: 'kubelet' });
    expect(headers['content-range']).toBe('bytes 4-10/11');
  });

  test('has no part behind its end', async () => {
    const { status, headers } = await ask(path, 'GET', { range: 'bytes=11-' });
    expect(status).toBe(416);
    expect(headers['content-range']).toBe('bytes */11');
  });

  test('has a size that can be asked for alone', async () => {
    const { status, headers, body } = await ask(path, 'HEAD');
    expect({ status, body }).toEqual({ status: 200, body: '' });
    expect(headers['content-length']).toBe('11');
  });
});

describe('an image on the list', () => {
  test('can be pulled: the manifest by its tag or digest, and what that names', async () => {
    expect(await ask('/v2/')).toMatchObject({ status: 200 });
    const byTag = await ask('/v2/tools/pause/manifests/v1?ns=registry.example');
    expect(byTag).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'application/vnd.oci.image.manifest.v1+json',
        'docker-content-digest': manifestDigest,
      },
    });
    expect(`sha256:${digest(byTag.body)}`).toBe(manifestDigest);
    expect(await ask(`/v2/tools/pause/manifests/${manifestDigest}`)).toEqual(byTag);
    const { config, layers } = JSON.parse(byTag.body);
    for (const part of [config, ...layers]) {
      const { status, body } = await ask(`/v2/tools/pause/blobs/${part.digest}`);
      expect({ status, digest: `sha256:${digest(body)}` }).toEqual({ status: 200, digest: part.digest });
    }
  });

  test('goes on from where a pull was cut', async () => {
    const { body } = await ask('/v2/tools/pause/manifests/v1');
    const layer = `/v2/tools/pause/blobs/${JSON.parse(body).layers[0].digest}`;
    const [whole, rest] = [await ask(layer), await ask(layer, 'GET', { range: 'bytes=100-' })];
    expect({ status: rest.status, body: rest.body }).toEqual({ status: 206, body: whole.body.slice(100) });
  });
});

describe('nothing else', () => {
  test.each([
    '/',
    '/sha256/',
    '/sha256/../../../../etc/passwd',
    '/../../../../etc/passwd',
    '/sha256/%2e%2e%2f%2e%2e%2findex',
    '/index/v1.36.3-amd64.json',
    '/v2/_catalog',
    '/v2/tools/pause/manifests/v2',
    '/v2/tools/other/manifests/v1',
    `/v2/tools/pause/blobs/sha256:${'0'.repeat(64)}`,
    '/v2/tools/pause/manifests/../../../../etc/passwd',
    `//sha256/${digest(CONTENT)}`,
    `/sha256/${digest(CONTENT)}/..`,
    `/sha256/${digest(CONTENT).toUpperCase()}`,
  ])('%s is not there', async (wrong) => {
    const { status, body } = await ask(wrong);
    expect({ status, body }).toEqual({ status: 404, body: '' });
  });

  test('a file that is in the store but not on the list is not there', async () => {
    expect(await ask(`/sha256/${digest(SECRET)}`)).toMatchObject({ status: 404, body: '' });
  });

  test('a file that is on the list but not in the store is not there', async () => {
    expect(await ask(`/sha256/${digest('promised but not there')}`)).toMatchObject({ status: 404 });
  });

  test.each(['POST', 'PUT', 'DELETE'])('%s is refused', async (method) => {
    expect(await ask(path, method)).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  });
});

test('connections are bounded: one too many is closed, and there is room again when one goes', async () => {
  const open = () =>
    new Promise<ReturnType<typeof connect>>((resolve) => {
      const socket = connect(Number(url.port), url.hostname, () => resolve(socket));
    });
  const idle = [await open(), await open(), await open()];
  await expect(ask(path)).rejects.toThrow(/hang up|ECONNRESET/);
  for (const socket of idle) socket.destroy();
  await expect.poll(() => ask(path).catch(() => undefined)).toMatchObject({ status: 200 });
});

test('stopping ends it at once, readers and all', async () => {
  const socket = connect(Number(url.port), url.hostname);
  const closed = new Promise((resolve) => socket.on('close', resolve).on('error', resolve));
  await new Promise((resolve) => socket.once('connect', resolve));
  await server.stop();
  await closed;
  await expect(ask(path)).rejects.toThrow('ECONNREFUSED');
});
