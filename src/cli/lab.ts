import { isSea } from 'node:sea';
import { Command, InvalidArgumentError, Option } from 'commander';
import { cacheDirectory } from '../components/cache.ts';
import { EXIT, UserError } from '../errors.ts';
import type { LabStatus } from '../lab/lab.ts';
import { DEFAULT_LAB } from '../lab/names.ts';
import type { Emit } from '../phases/events.ts';
import type { Step } from '../phases/phase.ts';
import { runPhases } from '../phases/runner.ts';
import { runInHost, sshToHost } from './lab-session.ts';
import { outputOption } from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb } from './run.ts';

interface UpFlags {
  readonly nodes?: number;
  readonly bare?: true;
  readonly name: string;
  readonly output: OutputFormat;
}

interface DownFlags {
  readonly name: string;
  readonly all?: true;
  readonly output: OutputFormat;
}

/** `kadm lab`: clusters of hosts on this machine, to try and to test with. */
export function labCommand(): Command {
  return new Command('lab')
    .description('hosts on this machine, to try kadm and to test it with')
    .addCommand(upCommand())
    .addCommand(downCommand())
    .addCommand(listCommand())
    .addCommand(execCommand())
    .addCommand(sshCommand());
}

function upCommand(): Command {
  return new Command('up')
    .description('make a lab and a cluster on it; goes on where an earlier run stopped')
    .option('--nodes <number>', 'number of hosts (default: 3)', parseCount)
    .option('--bare', 'stop at hosts with an SSH server and nothing of Kubernetes')
    .addOption(nameOption())
    .addOption(outputOption())
    .action((flags: UpFlags) => runVerb(flags.output, (run) => up(flags, run)));
}

async function up(flags: UpFlags, run: Parameters<Parameters<typeof runVerb>[1]>[0]): Promise<string> {
  demandRoot();
  const { createLab, listLabs } = await import('../lab/lab.ts');
  const { clusterPhases } = await import('../lab/cluster/index.ts');
  const before = (await listLabs()).find((lab) => lab.name === flags.name);
  const lab = await createLab({
    name: flags.name,
    cacheDirectory: cacheDirectory(),
    store: `${cacheDirectory()}/store`,
    further: flags.bare === true ? [] : clusterPhases,
    emit: run.emit,
    signal: run.signal,
    ...(flags.nodes === undefined ? {} : { nodes: flags.nodes }),
    ...(isSea() ? { tools: process.execPath } : {}),
  });
  const name = flags.name === DEFAULT_LAB ? '' : ` --name ${flags.name}`;
  const hosts = lab.hosts.map((host) => `${host.name} ${host.address}`).join(', ');
  const { labPaths } = await import('../lab/paths.ts');
  const cluster = [
    `  ${ownName()} lab exec h1${name} -- kubectl get nodes`,
    `  export KUBECONFIG=${labPaths(lab.name).kubeconfig}`,
  ];
  return [
    isOn(before)
      ? `Lab ${lab.name} runs already; nothing was changed: ${hosts}`
      : `Lab ${lab.name} runs: ${hosts}`,
    ...(flags.bare === true ? [`  ${ownName()} lab exec h1${name} -- kadm init`] : cluster),
    `  ${ownName()} lab ssh h1${name}`,
    `  ${ownName()} lab down${name}`,
  ].join('\n');
}

function isOn(lab: LabStatus | undefined): boolean {
  return lab !== undefined && lab.hosts.length > 0 && lab.hosts.every((host) => host.on);
}

function downCommand(): Command {
  return new Command('down')
    .description('remove a lab, whatever state it is in, and give the machine back as it was')
    .addOption(nameOption())
    .option('--all', 'remove every lab')
    .addOption(outputOption())
    .action((flags: DownFlags) =>
      runVerb(flags.output, async ({ emit, signal }) => {
        demandRoot();
        const { destroyLab, labsToDestroy } = await import('../lab/destroy.ts');
        const present = await labsToDestroy();
        const names = flags.all === true ? present : [flags.name];
        if (flags.all !== true) await destroyLab(flags.name, { emit, signal });
        else await destroyEach(present, emit, (name, part) => destroyLab(name, { emit: part, signal }));
        const gone = names.filter((name) => present.includes(name));
        return gone.length > 0 ? `Removed: ${gone.join(', ')}` : 'There was no lab to remove';
      }),
    );
}

/** One step a lab, so that each one's own steps are told apart. */
async function destroyEach(
  names: readonly string[],
  emit: Emit,
  destroy: (name: string, emit: Emit) => Promise<void>,
): Promise<void> {
  const phases = names.map((name) => ({
    id: name,
    title: `Lab ${name}`,
    needs: [],
    run: (_: undefined, step: Step) => destroy(name, step.emit),
  }));
  await runPhases(phases, undefined, { emit, concurrency: 1 });
}

function listCommand(): Command {
  return new Command('list')
    .description('show the labs of this machine')
    .addOption(outputOption())
    .action((flags: { output: OutputFormat }) =>
      runVerb(flags.output, async ({ emit }) => {
        const { listLabs } = await import('../lab/lab.ts');
        const labs = await listLabs();
        if (flags.output === 'json') emit({ type: 'result', path: [], result: { labs } });
        return labs.length === 0 ? 'There are no labs' : labs.map(describeLab).join('\n');
      }),
    );
}

function describeLab(lab: LabStatus): string {
  if (lab.subnet === undefined) return `${lab.name}  remains of a lab: kadm lab down --name ${lab.name}`;
  const hosts = lab.hosts.map((host) => `${host.name} ${host.address}${host.on ? '' : ' (off)'}`);
  return `${lab.name}  ${lab.subnet}  ${hosts.join(', ')}`;
}

function execCommand(): Command {
  return new Command('exec')
    .description('run a program in a host, with its exit code and this terminal')
    .argument('<host>', 'h1, h2, ...')
    .argument('<command...>', 'program and arguments, after --')
    .addOption(nameOption())
    .action((host: string, argv: string[], flags: { name: string }) => runInHost(flags.name, host, argv));
}

function sshCommand(): Command {
  return new Command('ssh')
    .description('log in to a host as root, or run a command there')
    .argument('<host>', 'h1, h2, ...')
    .argument('[command...]', 'after --')
    .addOption(nameOption())
    .action((host: string, argv: string[], flags: { name: string }) => sshToHost(flags.name, host, argv));
}

/** How this program was called, for the lines that say what to type next. */
function ownName(): string {
  return process.env.KADM_COMMAND ?? 'kadm';
}

function nameOption(): Option {
  return new Option('--name <name>', 'name of the lab').default(DEFAULT_LAB);
}

function parseCount(text: string): number {
  if (!/^[0-9]{1,4}$/.test(text)) throw new InvalidArgumentError('it is not a number of hosts.');
  return Number(text);
}

function demandRoot(): void {
  if (process.getuid?.() === 0) return;
  throw new UserError('a lab makes namespaces, mounts and containers, which takes root', {
    remedy: 'run the same command with sudo',
    exitCode: EXIT.preflight,
  });
}
