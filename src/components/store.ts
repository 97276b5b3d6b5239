import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { exists, LocalHost, makeDurable } from '../host/host.ts';
import { type Pieces, writeHashed } from '../host/large-file.ts';
import { architecture, COMPONENT_NAMES } from './catalog.ts';

const PARTIAL = '.partial-';

/** Of what another machine says of itself, too. */
export const artifactSchema = z.object({
  name: z.enum(COMPONENT_NAMES),
  version: z.string().max(100),
  kind: z.enum(['binary', 'image']),
  /** Of the file, in hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** In bytes. */
  size: z.number().int().positive(),
  /** Digest of the manifest inside the archive, as containerd shows the image's target (sha256:HEX). */
  image: z.object({ name: z.string().max(300), digest: z.string().max(100) }).exactOptional(),
});

const indexSchema = z.object({
  entries: z.array(z.object({ artifact: artifactSchema, recipe: z.string().max(100) })).max(1000),
});

/** A component as a file: named by what it is, found by the digest of its content. */
export type Artifact = z.infer<typeof artifactSchema>;

/** A folder of components: blobs/sha256/HEX, and index/KUBERNETES-ARCHITECTURE.json that says what they are. */
export class ComponentStore {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  blobPath(sha256: string): string {
    return `${this.#blobs}/${sha256}`;
  }

  /** What there is for a Kubernetes version (v1.36.3) and this machine's architecture; empty where unknown. */
  async index(version: string): Promise<Artifact[]> {
    return (await this.#entries(version)).map(({ artifact }) => artifact);
  }

  /** The artefact of this name, if its blob is there and was made by this recipe. */
  async made(version: string, name: string, recipe: string): Promise<Artifact | undefined> {
    const entry = (await this.#entries(version)).find(({ artifact }) => artifact.name === name);
    if (entry === undefined || entry.recipe !== recipe) return undefined;
    const size = await sizeOf(this.blobPath(entry.artifact.sha256));
    return size === entry.artifact.size ? entry.artifact : undefined;
  }

  /** Takes a file in, whatever it holds. */
  async add(content: Pieces): Promise<Pick<Artifact, 'sha256' | 'size'>> {
    await mkdir(this.#blobs, { recursive: true });
    const partial = this.blobPath(`${PARTIAL}${randomUUID()}`);
    return await unlessFailed(partial, async () => {
      const written = await writeHashed(content, partial, Number.POSITIVE_INFINITY);
      // What was recorded in the index is still whole after a power cut.
      await makeDurable(partial);
      await this.#publish(partial, written.sha256);
      await makeDurable(this.#blobs);
      return written;
    });
  }

  /** Puts an artefact into the index, in place of an earlier one of its name. One writer at a time. */
  async record(version: string, artifact: Artifact, recipe: string): Promise<void> {
    const others = (await this.#entries(version)).filter((entry) => entry.artifact.name !== artifact.name);
    const entries = [...others, { artifact, recipe }].sort((a, b) =>
      compare(a.artifact.name, b.artifact.name),
    );
    await mkdir(`${this.directory}/index`, { recursive: true });
    const text = `${JSON.stringify({ entries }, undefined, 2)}\n`;
    await new LocalHost().writeFile(this.#indexPath(version), text, { mode: 0o644 });
  }

  /** Removes what writers left that were killed. No other writer may be at work. */
  async removePartials(): Promise<void> {
    if (!(await exists(this.#blobs))) return;
    for (const name of await readdir(this.#blobs)) {
      if (name.startsWith(PARTIAL)) await rm(this.blobPath(name), { force: true });
    }
  }

  async #entries(version: string): Promise<z.infer<typeof indexSchema>['entries']> {
    const path = this.#indexPath(version);
    const text = await new LocalHost().readFile(path);
    if (text === undefined) return [];
    try {
      return indexSchema.parse(JSON.parse(text.toString('utf8'))).entries;
    } catch (cause) {
      throw new UserError(`${path} is not an index of components`, {
        remedy: 'remove that file and run the same command again: the index is then made anew',
        cause,
      });
    }
  }

  async #publish(partial: string, sha256: string): Promise<void> {
    await chmod(partial, 0o644);
    await rename(partial, this.blobPath(sha256));
  }

  get #blobs(): string {
    return `${this.directory}/blobs/sha256`;
  }

  #indexPath(version: string): string {
    return `${this.directory}/index/${version}-${architecture()}.json`;
  }
}

async function unlessFailed<T>(partial: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await exists(path)) ? (await stat(path)).size : undefined;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
