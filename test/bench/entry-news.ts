import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** How often it is seen whether all has come; the times are those of the lines. */
const POLL_MS = 20;

/** What the kernel of a host tells of its peers' entries (`ip monitor`), with the time at which it did. */
export class EntryNews {
  readonly #child: ChildProcess;
  /** When each line came last. */
  readonly #lines = new Map<string, number>();

  /** @param netns the host's network namespace on this machine */
  constructor(netns: string) {
    const monitor = ['ip', '-details', 'monitor', 'label', 'route', 'neigh'];
    this.#child = spawn('ip', ['netns', 'exec', netns, ...monitor], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('no output of ip monitor');
    createInterface({ input: this.#child.stdout }).on('line', (text) => {
      if (!text.includes(' dev flannel.1 ')) return;
      this.#lines.set(text.trim(), performance.now());
    });
  }

  get lines(): readonly string[] {
    return [...this.#lines.keys()];
  }

  forget(): void {
    this.#lines.clear();
  }

  /** When the last of these lines came. @throws Error when one does not come */
  async timeOf(lines: readonly string[], timeoutMs: number): Promise<number> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const found = lines.map((line) => this.#lines.get(line));
      if (found.every((at) => at !== undefined)) return Math.max(...found);
      if (performance.now() > end)
        throw new Error(`the kernel does not tell of ${lines[found.indexOf(undefined)]}`);
      await sleep(POLL_MS);
    }
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}
