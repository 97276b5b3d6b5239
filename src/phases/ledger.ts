import { appendFile, copyFile, mkdir, open, rename, truncate } from 'node:fs/promises';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import { type Host, makeDurable, writing } from '../host/host.ts';

/** Everything that kadm keeps for itself on a host. */
export const STATE_DIRECTORY = '/var/lib/kadm';

const fileBefore = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('absent') }),
  z.object({ kind: z.literal('link'), target: z.string() }),
  z.object({
    kind: z.literal('file'),
    mode: z.number(),
    uid: z.number(),
    gid: z.number(),
    /** Name of the kept copy below the ledger's folder `before`. */
    copy: z.string().regex(/^[0-9]+$/),
  }),
]);

const changeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('file'), path: z.string(), before: fileBefore }),
  /** A directory that kadm made: undone by removing it once it is empty. */
  z.object({ kind: z.literal('directory'), path: z.string() }),
  /** A directory that a component fills: undone by removing or emptying it, unless somebody used it before. */
  z.object({
    kind: z.literal('tree'),
    path: z.string(),
    before: z.enum(['absent', 'empty', 'used']),
    /** Permission bits that the directory had; left out when it was absent. */
    mode: z.number().optional(),
  }),
  z.object({ kind: z.literal('unit'), name: z.string(), enabled: z.boolean(), active: z.boolean() }),
  z.object({ kind: z.literal('sysctl'), key: z.string(), before: z.string() }),
  z.object({ kind: z.literal('module'), name: z.string() }),
  z.object({ kind: z.literal('swap'), device: z.string() }),
  /** Names of nftables tables (`family name`) that were there before kube-proxy and the network made theirs. */
  z.object({ kind: z.literal('nftables'), tables: z.array(z.string()) }),
]);

export type Change = z.infer<typeof changeSchema>;
export type FileBefore = z.infer<typeof fileBefore>;

const entrySchema = z.union([
  z.object({ phase: z.string(), change: changeSchema }),
  /** A verb began, or has ended well, on this host: it is then what init or join would have made of it. */
  z.object({ verb: z.enum(['init', 'join']), state: z.enum(['begun', 'complete']), version: z.string() }),
  /** A node that something else made was about to be adopted. */
  z.object({ verb: z.literal('adopt'), state: z.literal('begun'), version: z.string() }),
]);

export type Entry = z.infer<typeof entrySchema>;
type BegunVerb = Extract<Entry, { verb: unknown }>['verb'];
export type CompletedVerb = Exclude<BegunVerb, 'adopt'>;

/** Below STATE_DIRECTORY. */
export const LEDGER_FILE = 'ledger/ledger.ndjson';

/**
 * The record, on a host, of what kadm changed there. An entry is durable before its change is made, so that
 * reset can undo a run that was cut short at any moment. One line of JSON an entry; entries are never
 * rewritten. Of two entries for the same thing the earlier one holds what was there before kadm.
 */
export class Ledger {
  readonly directory: string;
  readonly #host: Host;
  readonly #entries: Entry[];
  #tail: Promise<void> = Promise.resolve();
  #waiting: Entry[] = [];
  #next: Promise<void> | undefined;
  #keeping: Promise<unknown> = Promise.resolve();
  /** Length of the file in bytes as far as its lines are whole; undefined while nothing else can be in it. */
  #wholeUntil: number | undefined;

  private constructor(host: Host, directory: string, entries: Entry[], wholeUntil: number | undefined) {
    this.#host = host;
    this.directory = directory;
    this.#entries = entries;
    this.#wholeUntil = wholeUntil;
  }

  /** Reads the ledger of a host; an empty one where kadm has changed nothing yet. */
  static async open(host: Host, state: string = STATE_DIRECTORY): Promise<Ledger> {
    const directory = `${state}/ledger`;
    const text = (await host.readFile(`${directory}/ledger.ndjson`))?.toString('utf8') ?? '';
    const lines = text.split('\n');
    // What follows the last newline was cut short while it was written: its change was never made.
    const torn = lines.pop() ?? '';
    return new Ledger(
      host,
      directory,
      lines.map((line, index) => parseEntry(line, index, directory)),
      torn === '' ? undefined : Buffer.byteLength(text) - Buffer.byteLength(torn),
    );
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  get changes(): Change[] {
    return this.#entries.flatMap((entry) => ('change' in entry ? [entry.change] : []));
  }

  /** Those that one phase made. */
  changesOf(phase: string): Change[] {
    return this.#entries.flatMap((entry) =>
      'change' in entry && entry.phase === phase ? [entry.change] : [],
    );
  }

  /** Whether this verb has ended well on this host; which one is then the answer. */
  get completed(): CompletedVerb | undefined {
    return completedIn(this.#entries);
  }

  /** The verb that began on this host, whether or not it ended. */
  get begun(): BegunVerb | undefined {
    const entry = this.#entries.find((one) => 'verb' in one);
    return entry !== undefined && 'verb' in entry ? entry.verb : undefined;
  }

  /** Appends durably, in the order of the calls; those that come while the disk is busy share the next write. */
  async append(entry: Entry): Promise<void> {
    this.#entries.push(entry);
    if (this.#host.dryRun) return;
    this.#waiting.push(entry);
    // One write waits for the one under way, and takes along all that came until then.
    this.#next ??= this.#tail.then(async () => {
      this.#next = undefined;
      const entries = this.#waiting;
      this.#waiting = [];
      await this.#write(entries);
    });
    const written = this.#next;
    this.#tail = written.catch(() => {});
    await written;
  }

  /** Resolves when everything appended until now is durable. */
  async durable(): Promise<void> {
    await this.#tail;
  }

  /** Keeps the present content of a file, to be put back by reset; returns the name of the copy. */
  async keep(path: string): Promise<string> {
    if (this.#host.dryRun) return '0';
    const kept = this.#keeping.then(() => this.#copy(path));
    this.#keeping = kept.catch(() => {});
    return await kept;
  }

  async #copy(path: string): Promise<string> {
    const folder = `${this.directory}/before`;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const name = String((await this.#host.list(folder)).length + 1);
    await writing(folder, () => copyFile(path, `${folder}/${name}.new`));
    await rename(`${folder}/${name}.new`, `${folder}/${name}`);
    await makeDurable(folder);
    return name;
  }

  async #write(entries: readonly Entry[]): Promise<void> {
    const path = `${this.directory}/ledger.ndjson`;
    const before = await this.#host.stat(path);
    const isNew = before === undefined;
    if (isNew) await writing(path, () => mkdir(this.directory, { recursive: true, mode: 0o700 }));
    const size = this.#wholeUntil ?? before?.size ?? 0;
    // A line that was cut short must not become the beginning of the next one.
    if (this.#wholeUntil !== undefined) await truncate(path, size);
    this.#wholeUntil = size;
    const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    await writing(path, () => appendFile(path, text, { mode: 0o600 }));
    this.#wholeUntil = undefined;
    const handle = await open(path, 'r');
    try {
      await handle.datasync();
    } finally {
      await handle.close();
    }
    if (isNew) await makeDurable(this.directory);
  }
}

/** The verb that ended well last, of a ledger's lines or some of them; a line that is none counts for nothing. */
export function completedInText(text: string): CompletedVerb | undefined {
  const entries = text.split('\n').flatMap((line) => {
    try {
      return entrySchema.parse(JSON.parse(line));
    } catch {
      return [];
    }
  });
  return completedIn(entries);
}

function completedIn(entries: readonly Entry[]): CompletedVerb | undefined {
  const entry = entries.findLast((one) => 'verb' in one && one.state === 'complete');
  return entry !== undefined && 'verb' in entry && entry.verb !== 'adopt' ? entry.verb : undefined;
}

function parseEntry(line: string, index: number, directory: string): Entry {
  try {
    return entrySchema.parse(JSON.parse(line));
  } catch (error) {
    throw new UserError(
      `${directory}/ledger.ndjson, line ${index + 1}, is not an entry of this kadm's ledger`,
      {
        remedy: 'use the kadm that wrote it; without its ledger a host cannot be brought back to what it was',
        cause: error,
      },
    );
  }
}
