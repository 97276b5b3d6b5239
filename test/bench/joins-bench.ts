import { basename } from 'node:path';
import { KADM_PATH } from '../../src/node/components.ts';
import { type BenchHost, type BenchSetting, firstOf, onFreshHosts } from './bench-lab.ts';
import { flush } from './prepared-host.ts';
import { machineSeconds, ProcessorTime } from './processor-time.ts';

const LAB = 'bench-joins';
const FEW = 2;
const MANY = 20;
/** What /proc/PID/stat calls every program that Node 24 runs, kadm among them. */
const NODE = 'MainThread';

/** What one command that joins so many real workers takes. */
export interface JoinsRun {
  readonly workers: number;
  /** How many of them are Ready when it has ended. */
  readonly ready: number;
  readonly seconds: number;
  /** Processor time in seconds: of the command on the master, of kadm's joins and of its agents on all nodes. */
  readonly command: number;
  readonly joins: number;
  readonly agents: number;
  /** Of all that the machine with all the hosts did meanwhile. */
  readonly machine: number;
}

/** `kadm join --ssh` of two and of 20 bare lab hosts, each with a containerd, a kubelet and pods of its own. */
export async function benchJoins(setting: BenchSetting): Promise<readonly JoinsRun[]> {
  const runs: JoinsRun[] = [];
  for (const workers of [FEW, MANY]) {
    const run = await onFreshHosts(setting, LAB, workers + 1, (hosts) => joinAll(hosts));
    setting.say(`joins: ${run.ready} of ${workers} workers in ${run.seconds.toFixed(2)} s`);
    runs.push(run);
  }
  return runs;
}

async function joinAll(hosts: readonly BenchHost[]): Promise<JoinsRun> {
  const master = firstOf(hosts);
  const workers = hosts.slice(1);
  await master.run(['kadm', 'init']);
  // Labs have kadm on every host; a real worker gets it by the join, and that takes time.
  await Promise.all(workers.map((host) => host.run(['rm', KADM_PATH])));
  await flush(master);
  const targets = workers.flatMap(({ name }) => ['--ssh', `root@${name}`]);
  const before = await machineSeconds();
  const times = new ProcessorTime(NODE, kindOf);
  const [joined] = await Promise.allSettled([master.time(['kadm', 'join', ...targets])]);
  // Also after a failure: it would watch for ever.
  const found = await times.end();
  if (joined.status === 'rejected') throw joined.reason;
  const { seconds } = joined.value;
  return {
    workers: workers.length,
    ready: await readyWorkers(master),
    seconds,
    command: found.get('command') ?? 0,
    joins: found.get('join') ?? 0,
    agents: found.get('agent') ?? 0,
    machine: (await machineSeconds()) - before,
  };
}

function kindOf([program = '', verb, ...rest]: readonly string[]): string {
  if (basename(program) !== 'kadm') return 'other';
  if (verb === 'agent') return 'agent';
  return rest.includes('--ssh') ? 'command' : 'join';
}

async function readyWorkers(master: BenchHost): Promise<number> {
  const { stdout } = await master.run(['kubectl', 'get', 'nodes', '--no-headers']);
  const rows = stdout.trim().split('\n');
  return rows.filter((row) => /\sReady\s/.test(row) && !/control-plane/.test(row)).length;
}
