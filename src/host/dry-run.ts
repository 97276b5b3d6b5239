import type { Stats } from 'node:fs';
import { stringify } from 'yaml';
import type { RunOptions, RunResult } from './command.ts';
import type { FileAttributes, Host, NewFile, PromisedFile } from './host.ts';

/** Keys, what kubeconfigs and configuration files call them and passwords, and URLs with a password, as of a proxy. */
const SECRET = /PRIVATE KEY|client-key-data:|token:|password|:\/\/[^\s/@]+:[^\s/@]+@/;

interface KubeObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** A Host that says what would be done instead of doing it. Reading is real; what was written reads back. */
export class DryRunHost implements Host {
  readonly dryRun = true;
  readonly #real: Host;
  readonly #lines: string[] = [];
  readonly #written = new Map<string, Buffer>();
  readonly #directories = new Set<string>();

  constructor(real: Host) {
    this.#real = real;
  }

  /** Everything that would have been done, in order. Keys, tokens and passwords are not shown. */
  report(): string {
    return this.lines.join('\n');
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** One more thing that would be done, by something else than the calls of a host. */
  say(line: string): void {
    this.#lines.push(line);
  }

  /** With what the program would read, where that is a text. The same again is not shown again: it finds nothing more to do. */
  async run(argv: readonly string[], { input }: RunOptions = {}): Promise<RunResult> {
    const line = `run ${argv.join(' ')}`;
    if (typeof input === 'string') {
      const secret = SECRET.test(input);
      this.#lines.push(`${line}${secret ? ' (what it reads is not shown: secret)' : ''}`);
      if (!secret) this.#show(input);
    } else if (!this.#lines.includes(line)) {
      this.#lines.push(line);
    }
    return { stdout: '', stderr: '', exitCode: 0 };
  }

  async query(argv: readonly string[], options?: RunOptions): Promise<RunResult> {
    // A program that is not installed yet cannot be asked: its answer would be empty then too.
    try {
      return await this.#real.query(argv, options);
    } catch {
      return { stdout: '', stderr: '', exitCode: 1 };
    }
  }

  async readFile(path: string): Promise<Buffer | undefined> {
    return this.#written.get(path) ?? (await this.#real.readFile(path));
  }

  stat(path: string): Promise<Stats | undefined> {
    return this.#real.stat(path);
  }

  list(path: string): Promise<string[]> {
    return this.#real.list(path);
  }

  async writeFile(path: string, content: string | Uint8Array, attributes: FileAttributes): Promise<void> {
    const bytes = Buffer.from(content);
    this.#written.set(path, bytes);
    const secret = SECRET.test(bytes.toString('latin1'));
    const there = await this.#real.readFile(path);
    const verb = there === undefined ? 'create' : 'replace';
    const hidden = secret ? ', not shown: secret' : '';
    this.#lines.push(`${verb} ${path} (mode ${attributes.mode.toString(8)}, ${bytes.length} bytes${hidden})`);
    if (!secret)
      this.#show(there === undefined ? bytes.toString('utf8') : await this.#difference(path, bytes));
  }

  /** What would be applied to the cluster. What is secret, or holds something secret, is only named. */
  apply(objects: readonly object[]): void {
    for (const object of objects as readonly KubeObject[]) {
      const { kind, metadata } = object;
      const name =
        metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
      const text = stringify(object);
      const secret = kind === 'Secret' || SECRET.test(text);
      this.#lines.push(`apply ${kind} ${name}${secret ? ' (not shown: secret)' : ''}`);
      if (!secret) this.#show(text);
    }
  }

  #show(text: string): void {
    for (const line of text.trimEnd().split('\n')) this.#lines.push(`  | ${line}`);
  }

  /** As `diff -u` says it, without its heading. */
  async #difference(path: string, content: Buffer): Promise<string> {
    const { stdout } = await this.#real.query(['diff', '--unified=2', path, '-'], {
      input: content,
      allowFailure: true,
    });
    return stdout.split('\n').slice(2).join('\n');
  }

  async writeFiles(files: readonly NewFile[]): Promise<void> {
    for (const { path, content, attributes } of files) await this.writeFile(path, content, attributes);
  }

  async installFile(file: PromisedFile, path: string, attributes: FileAttributes): Promise<void> {
    const mode = attributes.mode.toString(8);
    this.#lines.push(`install ${path} (mode ${mode}, SHA-256 ${file.sha256}): ${file.name}`);
  }

  async writeKernelFile(path: string, value: string): Promise<void> {
    this.#lines.push(`set ${path} to ${value}`);
  }

  async makeDirectory(path: string, attributes: FileAttributes): Promise<void> {
    if (this.#directories.has(path)) return;
    this.#directories.add(path);
    this.#lines.push(`make directory ${path} (mode ${attributes.mode.toString(8)})`);
  }

  async removeFile(path: string): Promise<void> {
    if (await this.#isThere(path)) this.#lines.push(`remove ${path}`);
  }

  async removeDirectory(path: string): Promise<boolean> {
    const there = await this.#isThere(path);
    if (there) this.#lines.push(`remove directory ${path}, if nothing is left in it`);
    return there;
  }

  async removeTree(path: string): Promise<void> {
    const stat = await this.#real.stat(path);
    if (stat?.isDirectory() === true) this.#lines.push(`remove ${path} and everything below it`);
    else await this.removeFile(path);
  }

  async #isThere(path: string): Promise<boolean> {
    return this.#written.has(path) || (await this.#real.stat(path)) !== undefined;
  }
}
