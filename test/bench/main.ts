import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { buildComponents } from '../../src/components/build/build.ts';
import { cacheDirectory } from '../../src/components/cache.ts';
import { componentsOf, DEFAULT_KUBERNETES_VERSION, releaseFor } from '../../src/components/catalog.ts';
import { ComponentStore } from '../../src/components/store.ts';
import { EXIT, messageOf, UserError } from '../../src/errors.ts';
import { exists, LocalHost } from '../../src/host/host.ts';
import { initPhases } from '../../src/init/index.ts';
import { rootfsPath } from '../../src/lab/rootfs.ts';
import { type BenchSetting, onFreshHosts } from './bench-lab.ts';
import { benchCluster } from './cluster-bench.ts';
import { benchFleet } from './fleet-bench.ts';
import { benchInit } from './init-bench.ts';
import { benchJoins } from './joins-bench.ts';
import { thisMachine } from './machine.ts';
import { SCALE_HEADING, scaleSection, THROUGHPUT_HEADING, throughputSection } from './network-report.ts';
import {
  CLUSTER_HEADING,
  clusterSection,
  FLEET_HEADING,
  fleetSection,
  INIT_HEADING,
  initSection,
  JOINS_HEADING,
  joinsSection,
  withSections,
} from './report.ts';
import { benchScale } from './scale-bench.ts';
import { benchThroughput } from './throughput-bench.ts';
import { demandTools } from './traffic-tools.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENT = join(ROOT, 'docs/benchmarks.md');
const INTRODUCTION = `# Benchmarks

Made by \`npm run bench -- --write\`. Ratios hold from machine to machine, absolute times do not.
`;

const PARTS = ['init', 'cluster', 'fleet', 'joins', 'scale', 'throughput'] as const;

interface Options {
  readonly runs?: number;
  readonly only?: (typeof PARTS)[number];
  readonly write?: true;
}

await new Command('bench')
  .description('compare kadm with kubeadm on lab hosts of this machine')
  .option(
    '--runs <number>',
    'runs of each tool (default: 7 for init, 3 for cluster, 5 for scale, 9 for throughput)',
    count,
  )
  .addOption(new Option('--only <part>', 'one part of it').choices(PARTS))
  .option('--write', 'put the tables into docs/benchmarks.md')
  .action(bench)
  .parseAsync();

async function bench(options: Options): Promise<void> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort(new UserError('interrupted', { exitCode: EXIT.interrupted }));
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const setting = await prepare(interrupt.signal);
    // Rather now than after all other parts.
    if (options.only === undefined || options.only === 'throughput') await demandTools();
    warnOfLoad(setting.say);
    const sections = await measure(options, setting);
    for (const [heading, text] of sections) process.stdout.write(`\n## ${heading}\n\n${text}\n`);
    if (options.write === true) await write(sections);
  } catch (error) {
    process.stderr.write(`bench: ${interrupt.signal.aborted ? 'interrupted' : describe(error)}\n`);
    process.exitCode = interrupt.signal.aborted ? EXIT.interrupted : EXIT.failed;
  }
}

/** Others at work make the times longer, and not alike for both tools. */
function warnOfLoad(say: (line: string) => void): void {
  const [load = 0] = loadavg();
  if (load > cpus().length / 2)
    say(`this machine is busy (load ${load.toFixed(1)}): measure again when it is not`);
}

/** All that the measurements stand on: the executable, the components, the root filesystem of the hosts. */
async function prepare(signal: AbortSignal): Promise<BenchSetting> {
  const kadm = join(ROOT, 'dist/kadm');
  if (process.getuid?.() !== 0) throw new UserError('labs need root', { remedy: 'run it as root' });
  if (!(await exists(kadm))) throw new UserError(`there is no ${kadm}`, { remedy: 'npm run build' });
  const store = `${cacheDirectory()}/store`;
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const setting = { kadm, store, say, signal };
  if (!(await exists(rootfsPath(cacheDirectory())))) await onFreshHosts(setting, 'bench', 1, async () => {});
  await buildComponents({
    release: releaseFor(DEFAULT_KUBERNETES_VERSION),
    names: [...componentsOf('control-plane'), 'kubeadm'],
    store: new ComponentStore(store),
    cacheDirectory: cacheDirectory(),
    rootfs: rootfsPath(cacheDirectory()),
    onProgress: say,
    signal,
  });
  return setting;
}

async function measure({ runs, only }: Options, setting: BenchSetting): Promise<Map<string, string>> {
  const machine = thisMachine(new Date());
  const sections = new Map<string, string>();
  if (only === undefined || only === 'init') {
    sections.set(INIT_HEADING, initSection(await benchInit(setting, runs ?? 7), initPhases, machine));
  }
  if (only === undefined || only === 'cluster') {
    sections.set(CLUSTER_HEADING, clusterSection(await benchCluster(setting, runs ?? 3), machine));
  }
  if (only === undefined || only === 'fleet') {
    sections.set(FLEET_HEADING, fleetSection(await benchFleet(setting), machine));
  }
  if (only === undefined || only === 'joins') {
    sections.set(JOINS_HEADING, joinsSection(await benchJoins(setting), machine));
  }
  if (only === undefined || only === 'scale') {
    sections.set(SCALE_HEADING, scaleSection(await benchScale(setting, runs ?? 5), machine));
  }
  if (only === undefined || only === 'throughput') {
    const figures = await benchThroughput(setting, runs ?? 9);
    sections.set(THROUGHPUT_HEADING, throughputSection(figures, machine));
  }
  return sections;
}

async function write(sections: ReadonlyMap<string, string>): Promise<void> {
  const host = new LocalHost();
  const present = (await host.readFile(DOCUMENT))?.toString('utf8') ?? INTRODUCTION;
  await host.writeFile(DOCUMENT, withSections(present, sections), { mode: 0o644 });
}

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('a whole number from 1');
  return number;
}

function describe(error: unknown): string {
  if (!(error instanceof UserError)) return error instanceof Error ? String(error.stack) : String(error);
  return [messageOf(error), error.remedy].filter((part) => part !== undefined).join('; ');
}
