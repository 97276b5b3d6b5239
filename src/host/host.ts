import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { hasCode, UserError } from '../errors.ts';
import { type RunOptions, type RunResult, runCommand } from './command.ts';
import { type Pieces, writeHashed } from './large-file.ts';

export interface FileAttributes {
  /** Permission bits, such as 0o600. */
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface NewFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly attributes: FileAttributes;
}

/** The content that a file is to have, and where it comes from. */
export interface PromisedFile {
  /** What to call it in errors. */
  readonly name: string;
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
  open(): Pieces;
  /** A file of this machine that has just this content, and nobody else's: it may be had under one more name. */
  readonly shareable?: string;
  /** Ends the transfer. */
  readonly signal?: AbortSignal;
}

/**
 * The only place that touches a machine. `query` and the reading calls change nothing; the others do.
 * Phases do not call the changing ones themselves but go through Changes, which records first.
 */
export interface Host {
  readonly dryRun: boolean;
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  query(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The content, or undefined where there is no such file. */
  readFile(path: string): Promise<Buffer | undefined>;
  /** Without following a link at the end; undefined where nothing is there. */
  stat(path: string): Promise<Stats | undefined>;
  /** Names in a directory, sorted; empty where there is none. */
  list(path: string): Promise<string[]>;
  /** Replaces the whole file at once: no reader sees half of it, no other user any of a secret one. */
  writeFile(path: string, content: string | Uint8Array, attributes: FileAttributes): Promise<void>;
  /** The same for several, which appear in this order; together they cost the disk little more than one. */
  writeFiles(files: readonly NewFile[]): Promise<void>;
  /**
   * Brings a large file into place as writeFile does, checked while it is written.
   * @throws UserError when what came does not have the promised SHA-256; nothing is then in place.
   */
  installFile(file: PromisedFile, path: string, attributes: FileAttributes): Promise<void>;
  /** Writes a file of the kernel below /proc or /sys, which cannot be replaced by renaming. */
  writeKernelFile(path: string, value: string): Promise<void>;
  makeDirectory(path: string, attributes: FileAttributes): Promise<void>;
  removeFile(path: string): Promise<void>;
  /** Removes an empty directory; false where it is not empty or not there. */
  removeDirectory(path: string): Promise<boolean>;
  /** Removes everything below and the directory itself. Callers make sure that nothing is mounted below. */
  removeTree(path: string): Promise<void>;
}

export class LocalHost implements Host {
  readonly dryRun = false;

  run(argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    return runCommand(argv, options);
  }

  query(argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    return runCommand(argv, options);
  }

  async readFile(path: string): Promise<Buffer | undefined> {
    return await unlessAbsent(readFile(path));
  }

  async stat(path: string): Promise<Stats | undefined> {
    return await unlessAbsent(lstat(path));
  }

  async list(path: string): Promise<string[]> {
    return ((await unlessAbsent(readdir(path))) ?? []).sort();
  }

  async writeFile(path: string, content: string | Uint8Array, attributes: FileAttributes): Promise<void> {
    await this.writeFiles([{ path, content, attributes }]);
  }

  async writeFiles(files: readonly NewFile[]): Promise<void> {
    await Promise.all(files.map((file) => writing(file.path, () => writeTemporary(file))));
    for (const { path } of files) await rename(temporaryFor(path), path);
    const directories = new Set(files.map(({ path }) => dirname(path)));
    await Promise.all([...directories].map((directory) => makeDurable(directory)));
  }

  async installFile(file: PromisedFile, path: string, attributes: FileAttributes): Promise<void> {
    await writing(path, () => this.#install(file, path, attributes));
  }

  async #install(file: PromisedFile, path: string, attributes: FileAttributes): Promise<void> {
    const temporary = temporaryFor(path);
    // What a killed run left.
    await rm(temporary, { force: true });
    try {
      const found = await this.#bring(file, temporary);
      if (found !== file.sha256) throw digestMismatch(file.name, file.sha256, found);
      await chmod(temporary, attributes.mode);
      if (attributes.uid !== undefined)
        await chown(temporary, attributes.uid, attributes.gid ?? attributes.uid);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  /** @returns the SHA-256 of what is at `path` now */
  async #bring({ shareable, sha256: promised, ...file }: PromisedFile, path: string): Promise<string> {
    if (shareable !== undefined && (await linked(shareable, path))) return promised;
    return (await writeHashed(file.open(), path, file.size, file.signal)).sha256;
  }

  async writeKernelFile(path: string, value: string): Promise<void> {
    await writeFile(path, value);
  }

  async makeDirectory(path: string, attributes: FileAttributes): Promise<void> {
    try {
      await writing(path, () => mkdir(path, { mode: attributes.mode }));
    } catch (error) {
      // Another phase needed the same folder at the same time.
      if (hasCode(error, 'EEXIST')) return;
      throw error;
    }
    // mkdir's mode is subject to the umask.
    await chmod(path, attributes.mode);
    if (attributes.uid !== undefined) await chown(path, attributes.uid, attributes.gid ?? attributes.uid);
  }

  async removeFile(path: string): Promise<void> {
    await unlessAbsent(unlink(path));
    // Of a run that was killed while it wrote.
    await unlessAbsent(unlink(temporaryFor(path)));
  }

  async removeDirectory(path: string): Promise<boolean> {
    const names = await unlessAbsent(readdir(path));
    if (names === undefined || names.length > 0) return false;
    await rm(path, { recursive: true });
    return true;
  }

  async removeTree(path: string): Promise<void> {
    await rm(path, { recursive: true, force: true });
  }
}

async function writeTemporary({ path, content, attributes }: NewFile): Promise<void> {
  const handle = await open(temporaryFor(path), 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.chmod(attributes.mode);
    if (attributes.uid !== undefined) await handle.chown(attributes.uid, attributes.gid ?? attributes.uid);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Hidden, because some folders are watched: the kubelet starts what it finds in its manifests, but for hidden files. */
function temporaryFor(path: string): string {
  return `${dirname(path)}/.${basename(path)}.kadm-new`;
}

const UNWRITABLE: Readonly<Record<string, string>> = {
  ENOSPC: 'its disk is full',
  EDQUOT: 'the quota of its disk is used up',
  EROFS: 'its file system is read-only',
};

/** @throws UserError that names the path, where its disk takes no more */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const why = UNWRITABLE[(error as NodeJS.ErrnoException).code ?? ''];
    if (why === undefined) throw error;
    throw new UserError(`${path} cannot be written: ${why}`, {
      remedy: 'mend that (df -h, mount) and run the same command again: it goes on from here',
      cause: error,
    });
  }
}

/** False where that would be another file system. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'EXDEV')) return false;
    throw error;
  }
}

export function digestMismatch(what: string, wanted: string, found: string): UserError {
  return new UserError(`${what} has SHA-256 ${found}, but ${wanted} was promised`, {
    remedy: 'the file is damaged or was tampered with: remove it and run the same command again',
  });
}

/** Brings a file's content, or the renames in a directory, to the disk. */
export async function makeDurable(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Whether a path leads to something, links followed. */
export async function exists(path: string): Promise<boolean> {
  return (await unlessAbsent(stat(path))) !== undefined;
}

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

async function unlessAbsent<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}
