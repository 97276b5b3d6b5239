import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What the kernel of a host tells of its peers' entries (`ip monitor`), with the time at which it did. */
export class EntryNews {
  readonly #child: ChildProcess;
  #lines: { readonly text: string; readonly at: number }[] = [];
  #onLine: () => void = () => {};

  /** @param netns the host's network namespace on this machine */
  constructor(netns: string) {
    const monitor = ['ip', '-details', 'monitor', 'label', 'route', 'neigh'];
    this.#child = spawn('ip', ['netns', 'exec', netns, ...monitor], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('no output of ip monitor');
    createInterface({ input: this.#child.stdout }).on('line', (text) => {
      if (!text.includes(' dev flannel.1 ')) return;
      this.#lines.push({ text, at: performance.now() });
      this.#onLine();
    });
  }

  get lines(): readonly { readonly text: string; readonly at: number }[] {
    return this.#lines;
  }

  forget(): void {
    this.#lines = [];
  }

  /** When the last of these pieces of text had come, each in a line of its own. @throws Error when one does not come */
  async timeOf(pieces: readonly string[], timeoutMs: number): Promise<number> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const found = pieces.map((piece) => this.#lines.find(({ text }) => text.includes(piece))?.at);
      if (found.every((at) => at !== undefined)) return Math.max(...found);
      const left = end - performance.now();
      if (left <= 0) throw new Error(`the kernel does not tell of ${pieces[found.indexOf(undefined)]}`);
      await this.#next(left);
    }
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }

  async #next(timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onLine = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
