import { readlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FileAttributes, Host, PromisedFile } from '../host/host.ts';
import { readSysctl, sysctlPath } from '../host/kernel.ts';
import { sha256File } from '../host/large-file.ts';
import { unitState } from '../host/systemd.ts';
import type { Change, FileBefore, Ledger } from './ledger.ts';
import { describeChange } from './undo.ts';

export interface WantedFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Permission bits, such as 0o600. */
  readonly mode: number;
}

const ROOT_DIRECTORY = { mode: 0o755, uid: 0, gid: 0 };

/**
 * The one way in which a phase changes a host: records in the ledger, durably, then does it. Each call says
 * what should be; where it already is, nothing is recorded and nothing done, so that phases can be repeated.
 */
export class Changes {
  readonly host: Host;
  readonly #ledger: Ledger;
  readonly #phase: string;

  constructor(host: Host, ledger: Ledger, phase: string) {
    this.host = host;
    this.#ledger = ledger;
    this.#phase = phase;
  }

  /** The file with this content and these attributes, root's. True when it had to be changed. */
  async file(path: string, content: string | Uint8Array, mode: number): Promise<boolean> {
    return await this.files([{ path, content, mode }]);
  }

  /** The same for several, which appear in this order. True when one of them had to be changed. */
  async files(files: readonly WantedFile[]): Promise<boolean> {
    const present = await Promise.all(files.map((file) => this.#isThere(file)));
    const missing = files.filter((_, index) => !present[index]);
    for (const { path } of missing) await this.directory(dirname(path));
    await Promise.all(missing.map(({ path }) => this.#recordFile(path)));
    if (missing.length > 0) {
      await this.host.writeFiles(
        missing.map(({ path, content, mode }) => ({ path, content, attributes: attributes(mode) })),
      );
    }
    return missing.length > 0;
  }

  /** The same for a large file. @throws UserError when what comes has another digest than was promised. */
  async install(path: string, file: PromisedFile, mode: number): Promise<boolean> {
    if (await this.isFile(path, file.sha256, mode)) return false;
    await this.#aboutToReplace(path);
    await this.host.installFile(file, path, attributes(mode));
    return true;
  }

  /** A symbolic link in place of whatever is there. */
  async link(path: string, target: string): Promise<void> {
    await this.#aboutToReplace(path);
    await this.host.run(['ln', '--symbolic', '--force', '--no-dereference', target, path]);
  }

  /** Whether a file of root's has this digest and mode already. */
  async isFile(path: string, sha256: string, mode: number): Promise<boolean> {
    return (await this.#hasMode(path, mode)) && (await sha256File(path)) === sha256;
  }

  /** No file there any more; reset brings it back. */
  async noFile(path: string): Promise<void> {
    if ((await this.host.stat(path)) === undefined) return;
    await this.#recordFile(path);
    await this.host.removeFile(path);
  }

  /** The directory and those above it. Reset removes the ones made here when nothing is left in them. */
  async directory(path: string, mode = 0o755): Promise<void> {
    if ((await this.host.stat(path)) !== undefined) return;
    await this.directory(dirname(path));
    await this.#record({ kind: 'directory', path }, samePath('directory', path));
    await this.host.makeDirectory(path, { ...ROOT_DIRECTORY, mode });
  }

  /**
   * A directory that a component will fill or make: reset removes what is in it, unless it already held
   * something before kadm. Made here, or given that mode, only when a mode is given.
   */
  async tree(path: string, mode?: number): Promise<void> {
    const stat = await this.host.stat(path);
    const before =
      stat === undefined ? 'absent' : (await this.host.list(path)).length === 0 ? 'empty' : 'used';
    const same = (change: Change): boolean => change.kind === 'tree' && change.path === path;
    const make = stat === undefined && mode !== undefined;
    if (make) await this.directory(dirname(path));
    const present = stat === undefined ? {} : { mode: stat.mode & 0o7777 };
    await this.#record({ kind: 'tree', path, before, ...present }, same);
    if (make) await this.host.makeDirectory(path, { ...ROOT_DIRECTORY, mode });
    else if (mode !== undefined && present.mode !== mode)
      await this.host.run(['chmod', mode.toString(8), path]);
  }

  /**
   * A systemd unit that runs now and starts at boot.
   * @param changed what was just changed: its file, or only what it reads; it is then started anew
   * @returns whether it ran before, and was started anew
   */
  async #unit(name: string, changed: 'file' | 'settings' | undefined): Promise<boolean> {
    const state = await unitState(this.host, name);
    if (state.enabled && state.active && changed === undefined) return false;
    await this.#record(
      { kind: 'unit', name, ...state },
      (change) => change.kind === 'unit' && change.name === name,
    );
    // Not waited for here: who needs the unit to be up waits for what it does, and can say what is amiss.
    if (!state.enabled && !state.active) {
      // systemd reads a unit that it does not know yet when it is started: reading all of them again takes a second here.
      await this.host.run(['systemctl', '--no-block', '--no-reload', '--now', 'enable', name]);
      return false;
    }
    if (!state.enabled) await this.host.run(['systemctl', '--no-reload', 'enable', name]);
    if (changed === 'file' || !state.enabled) await this.host.run(['systemctl', 'daemon-reload']);
    await this.host.run(['systemctl', '--no-block', changed === undefined ? 'start' : 'restart', name]);
    return state.active && changed !== undefined;
  }

  /** The kernel setting now; a file in /etc/sysctl.d keeps it over a reboot. */
  async sysctl(key: string, value: string): Promise<void> {
    if ((await this.rememberSysctl(key)) === value) return;
    await this.host.writeKernelFile(sysctlPath(key), value);
  }

  /** Records a kernel setting that a component will change by itself; returns its present value. */
  async rememberSysctl(key: string): Promise<string | undefined> {
    const before = await readSysctl(this.host, key);
    const same = (change: Change): boolean => change.kind === 'sysctl' && change.key === key;
    if (before !== undefined) await this.#record({ kind: 'sysctl', key, before }, same);
    return before;
  }

  /** What something else changed here, from now on kadm's to undo as if it had been kadm. */
  async takeOver(changes: readonly Change[]): Promise<void> {
    for (const change of changes) await this.#record(change, sameThing(change));
  }

  async rememberNftables(tables: string[]): Promise<void> {
    await this.#record({ kind: 'nftables', tables }, (change) => change.kind === 'nftables');
  }

  async module(name: string): Promise<void> {
    await this.#record(
      { kind: 'module', name },
      (change) => change.kind === 'module' && change.name === name,
    );
    await this.host.run(['modprobe', name]);
  }

  /**
   * What a unit reads, its file, and the unit running with both, also after the next boot.
   * @returns whether it ran before, and was started anew
   */
  async service(name: string, unit: string, settings: readonly WantedFile[]): Promise<boolean> {
    const written = await this.files(settings);
    const path = `/etc/systemd/system/${name}`;
    const replaced = await this.file(path, unit, 0o644);
    return await this.#unit(name, replaced ? 'file' : written ? 'settings' : undefined);
  }

  async #hasMode(path: string, mode: number): Promise<boolean> {
    const stat = await this.host.stat(path);
    return stat?.isFile() === true && (stat.mode & 0o7777) === mode && stat.uid === 0;
  }

  async #isThere({ path, content, mode }: WantedFile): Promise<boolean> {
    const present = await this.host.readFile(path);
    return present?.equals(Buffer.from(content)) === true && (await this.#hasMode(path, mode));
  }

  async #aboutToReplace(path: string): Promise<void> {
    await this.directory(dirname(path));
    await this.#recordFile(path);
  }

  async #recordFile(path: string): Promise<void> {
    await this.#record({ kind: 'file', path, before: await this.#before(path) }, samePath('file', path));
  }

  /** Records unless an earlier entry already says what was there before kadm. */
  async #record(change: Change, same: (other: Change) => boolean): Promise<void> {
    // Another phase may have recorded it a moment ago.
    if (this.#ledger.changes.some(same)) return await this.#ledger.durable();
    await this.#ledger.append({ phase: this.#phase, change });
  }

  async #before(path: string): Promise<FileBefore> {
    const stat = await this.host.stat(path);
    if (stat === undefined) return { kind: 'absent' };
    if (stat.isSymbolicLink()) return { kind: 'link', target: await readlink(path) };
    // A second entry for the same file is never written: its copy would be of our own making.
    if (this.#ledger.changes.some(samePath('file', path))) return { kind: 'absent' };
    const copy = await this.#ledger.keep(path);
    return { kind: 'file', mode: stat.mode & 0o7777, uid: stat.uid, gid: stat.gid, copy };
  }
}

function attributes(mode: number): FileAttributes {
  return { mode, uid: 0, gid: 0 };
}

function sameThing(change: Change): (other: Change) => boolean {
  return (other) => other.kind === change.kind && describeChange(other) === describeChange(change);
}

function samePath(kind: 'file' | 'directory', path: string): (change: Change) => boolean {
  return (change) => change.kind === kind && change.path === path;
}
