import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** The kernel's clock ticks in /proc: 100 a second on Linux whatever its HZ (proc(5), sysconf(3)). */
const TICKS_PER_SECOND = 100;

/** User and system time of a process in seconds, by the text of its /proc/PID/stat. */
export function secondsIn(stat: string): number {
  // Fields 14 and 15, counted after the name, which may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** What all processors of this machine have worked since it was started, in seconds. */
export async function machineSeconds(): Promise<number> {
  const [, ...fields] = ((await readFile('/proc/stat', 'utf8')).split('\n')[0] ?? '').split(/ +/);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = fields.map(Number);
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
}

/** Adds up the processor time of processes that come and go while it watches, on this machine with all its labs. */
export class ProcessorTime {
  readonly #name: string;
  /** By pid: what kind of process it is, and its seconds when it was last seen. */
  readonly #seen = new Map<string, { readonly kind: string; seconds: number }>();
  readonly #kindOf: (argv: readonly string[]) => string;
  readonly #over = new AbortController();
  readonly #watching: Promise<void>;

  /**
   * @param name of the programs, as /proc/PID/stat has it
   * @param kindOf what is added up under one heading, by the command line
   * @param everyMs what a process works after it was last seen is lost
   */
  constructor(name: string, kindOf: (argv: readonly string[]) => string, everyMs = 200) {
    this.#name = name;
    this.#kindOf = kindOf;
    this.#watching = this.#watch(everyMs);
  }

  /** Seconds of each kind. */
  async end(): Promise<ReadonlyMap<string, number>> {
    await this.#look();
    this.#over.abort();
    await this.#watching;
    const sums = new Map<string, number>();
    for (const { kind, seconds } of this.#seen.values()) sums.set(kind, (sums.get(kind) ?? 0) + seconds);
    return sums;
  }

  async #watch(everyMs: number): Promise<void> {
    while (!this.#over.signal.aborted) {
      await this.#look();
      await sleep(everyMs, undefined, { signal: this.#over.signal }).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    for (const pid of pids) {
      try {
        const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
        if (!stat.includes(`(${this.#name})`)) continue;
        const before = this.#seen.get(pid);
        const seconds = secondsIn(stat);
        if (before !== undefined) before.seconds = seconds;
        else this.#seen.set(pid, { kind: this.#kindOf(await argvOf(pid)), seconds });
      } catch {
        // It has just ended.
      }
    }
  }
}

async function argvOf(pid: string): Promise<string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
}
