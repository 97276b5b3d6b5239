import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchHost } from './bench-lab.ts';

const UNIT = 'kadm-agent.service';
const PROGRAM = '/usr/local/bin/kadm';

/** Resident memory of the agent's process, in MB (10^6 bytes), and what of it lies where. */
export interface Memory {
  readonly total: number;
  /** Pages of its executable. */
  readonly program: number;
  /** What V8 and threads have mapped. */
  readonly anonymous: number;
  /** malloc's. */
  readonly heap: number;
  readonly libraries: number;
}

/** What an agent costs that has nothing to do. */
export interface IdleCost {
  readonly memory: Memory;
  /** Part of one core, of the agent and all programs that it starts. */
  readonly cpu: number;
}

/** @param ms how long to look */
export async function idleCost(host: BenchHost, ms: number): Promise<IdleCost> {
  const before = await cpuSeconds(host);
  const begun = performance.now();
  await sleep(ms);
  const after = await cpuSeconds(host);
  const cpu = (after - before) / ((performance.now() - begun) / 1000);
  return { memory: await memoryOf(host), cpu };
}

/** As systemd accounts for the unit's control group. */
async function cpuSeconds(host: BenchHost): Promise<number> {
  const { stdout } = await host.run(['systemctl', 'show', '--property=CPUUsageNSec', '--value', UNIT]);
  const nanoseconds = Number(stdout.trim());
  if (!Number.isFinite(nanoseconds)) throw new Error(`systemd does not account for CPU: ${stdout}`);
  return nanoseconds / 1e9;
}

async function memoryOf(host: BenchHost): Promise<Memory> {
  const { stdout } = await host.run(['systemctl', 'show', '--property=MainPID', '--value', UNIT]);
  const smaps = (await host.run(['cat', `/proc/${stdout.trim()}/smaps`])).stdout;
  return memoryIn(smaps);
}

/** Sums up /proc/PID/smaps (proc_pid_smaps(5)). */
export function memoryIn(smaps: string): Memory {
  const kib = { program: 0, anonymous: 0, heap: 0, libraries: 0 };
  let part: keyof typeof kib = 'anonymous';
  for (const line of smaps.split('\n')) {
    const mapping = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$/.exec(line);
    if (mapping !== null) part = partOf(mapping[1] ?? '');
    const resident = /^Rss: +(\d+) kB/.exec(line)?.[1];
    if (resident !== undefined) kib[part] += Number(resident);
  }
  const mb = (value: number): number => (value * 1024) / 1e6;
  const total = kib.program + kib.anonymous + kib.heap + kib.libraries;
  return {
    total: mb(total),
    program: mb(kib.program),
    anonymous: mb(kib.anonymous),
    heap: mb(kib.heap),
    libraries: mb(kib.libraries),
  };
}

function partOf(path: string): 'program' | 'anonymous' | 'heap' | 'libraries' {
  if (path === '[heap]') return 'heap';
  if (path.startsWith(PROGRAM)) return 'program';
  return path.startsWith('/') ? 'libraries' : 'anonymous';
}
