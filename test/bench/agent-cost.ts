import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchHost } from './bench-lab.ts';

const UNIT = 'kadm-agent.service';
const PROGRAM = '/usr/local/bin/kadm';
/** The kernel's clock ticks in /proc/PID/stat: 100 a second on Linux whatever its HZ (proc(5), sysconf(3)). */
const TICKS_PER_SECOND = 100;

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

/** Of the process, of the programs that it started and saw end, and of those that still run (proc_pid_stat(5)). */
async function cpuSeconds(host: BenchHost): Promise<number> {
  const pid = await mainPid(host);
  const children = (await host.run(['cat', `/proc/${pid}/task/${pid}/children`])).stdout.trim();
  const running = [pid, ...children.split(' ').filter((text) => text !== '')];
  const { stdout } = await host.run(['cat', ...running.map((one) => `/proc/${one}/stat`)]);
  return (
    stdout
      .trim()
      .split('\n')
      .map(ticksIn)
      .reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND
  );
}

/** utime, stime, cutime and cstime: fields 14 to 17, counted after the name, which may hold spaces. */
function ticksIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, text) => sum + Number(text), 0);
}

async function memoryOf(host: BenchHost): Promise<Memory> {
  return memoryIn((await host.run(['cat', `/proc/${await mainPid(host)}/smaps`])).stdout);
}

async function mainPid(host: BenchHost): Promise<string> {
  const { stdout } = await host.run(['systemctl', 'show', '--property=MainPID', '--value', UNIT]);
  return stdout.trim();
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
