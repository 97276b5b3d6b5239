import { cacheDirectory } from '../../src/components/cache.ts';
import type { RunOptions, RunResult } from '../../src/host/command.ts';
import { LocalHost } from '../../src/host/host.ts';
import { destroyLab } from '../../src/lab/destroy.ts';
import { createLab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import type { Emit } from '../../src/phases/events.ts';

const silent: Emit = () => {};
/** Longer than any step takes on a busy machine; a benchmark that hangs must end, and tidy up. */
const STEP_TIMEOUT_MS = 600_000;

/** What every run of a benchmark stands on. */
export interface BenchSetting {
  /** The built executable; the hosts get it as /usr/local/bin/kadm. */
  readonly kadm: string;
  /** The component store on this machine. */
  readonly store: string;
  /** Says what happens, for a person who waits. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** A lab host on which every command ends when the benchmark is interrupted. */
export class BenchHost {
  readonly name: string;
  /** IPv4 address. */
  readonly address: string;
  /** The host's disk as this machine sees it. */
  readonly rootfs: string;
  /** Its network namespace, for `ip -n` on this machine. */
  readonly netns: string;
  readonly #host: LabHost;
  readonly #signal: AbortSignal;

  constructor(host: LabHost, signal: AbortSignal) {
    this.name = host.name;
    this.address = host.address;
    this.rootfs = host.rootfs;
    this.netns = host.netns;
    this.#host = host;
    this.#signal = signal;
  }

  /** Its PID 1 as this machine numbers it. */
  async pid(): Promise<number> {
    const pid = await this.#host.pid();
    if (pid === undefined) throw new Error(`${this.name} is switched off`);
    return pid;
  }

  /** @throws CommandError as runCommand does */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return await this.#host.exec(argv, { timeoutMs: STEP_TIMEOUT_MS, signal: this.#signal, ...options });
  }

  /** Seconds that a command takes on this host, and what it said. @throws CommandError when it fails */
  async time(argv: readonly string[]): Promise<{ seconds: number; stdout: string }> {
    const start = performance.now();
    const { stdout } = await this.run(argv);
    return { seconds: (performance.now() - start) / 1000, stdout };
  }

  async readFile(path: string): Promise<string> {
    const content = await new LocalHost().readFile(`${this.rootfs}${path}`);
    if (content === undefined) throw new Error(`${this.name} has no ${path}`);
    return content.toString('utf8');
  }

  async writeFile(path: string, content: string, mode = 0o644): Promise<void> {
    await new LocalHost().writeFile(`${this.rootfs}${path}`, content, { mode });
  }
}

/**
 * Runs something on hosts that nothing has run on before, and removes them whatever came of it. Each run of a
 * benchmark gets hosts of its own, so that none finds what another left.
 */
export async function onFreshHosts<T>(
  setting: BenchSetting,
  name: string,
  nodes: number,
  work: (hosts: readonly BenchHost[]) => Promise<T>,
): Promise<T> {
  await destroyLab(name, { emit: silent });
  try {
    const lab = await createLab({
      name,
      nodes,
      cacheDirectory: cacheDirectory(),
      tools: setting.kadm,
      store: setting.store,
      emit: silent,
      signal: setting.signal,
    });
    return await work(lab.hosts.map((host) => new BenchHost(host, setting.signal)));
  } finally {
    await destroyLab(name, { emit: silent });
  }
}

/** The first host of a lab. */
export function firstOf(hosts: readonly BenchHost[]): BenchHost {
  const [first] = hosts;
  if (first === undefined) throw new Error('a lab without hosts');
  return first;
}
