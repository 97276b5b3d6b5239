import { createHmac, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { appendFile, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from '../errors.ts';
import { type KnownHost, keyType, parseKnownHosts } from './known-hosts.ts';

/** known_hosts files, each read once and added to in turn. */
export class KnownHostsFiles {
  readonly #files = new Map<string, Promise<KnownHost[]>>();
  #writing: Promise<void> = Promise.resolve();

  /** Everything that these files list. */
  async list(paths: readonly string[]): Promise<KnownHost[]> {
    return (await Promise.all(paths.map((path) => this.#read(path)))).flat();
  }

  /** Adds a line to a file, for good. */
  async add(path: string, name: string, key: Buffer, options: { readonly hash: boolean }): Promise<void> {
    const line = `${options.hash ? hashed(name) : name} ${keyType(key)} ${key.toString('base64')}\n`;
    const written = this.#writing.then(async () => await append(path, line));
    this.#writing = written.catch(() => {});
    await written;
    const before = await this.#read(path);
    this.#files.set(path, Promise.resolve([...before, ...parseKnownHosts(line)]));
  }

  #read(path: string): Promise<KnownHost[]> {
    const found = this.#files.get(path) ?? readOptional(path).then((text) => parseKnownHosts(text ?? ''));
    this.#files.set(path, found);
    return found;
  }
}

async function append(path: string, line: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const handle = await open(path, constants.O_CREAT | constants.O_RDWR, 0o600);
  const text = await handle.readFile('utf8');
  await handle.close();
  await appendFile(path, text === '' || text.endsWith('\n') ? line : `\n${line}`);
}

/** |1|base64(salt)|base64(HMAC-SHA1(salt, name)), sshd(8) */
function hashed(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

/** The content of a file; undefined where there is none. */
export async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}
