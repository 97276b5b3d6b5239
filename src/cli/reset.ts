import { Command } from 'commander';
import { contradictions, RESET_FLAGS } from '../config/contradictions.ts';
import { NO_CONFIGURATION } from '../config/documents.ts';
import { criSocketSchema } from '../config/kubeadm-parts.ts';
import { check } from '../config/node-settings.ts';
import { EXIT, UserError } from '../errors.ts';
import { requireRoot } from '../node/preflight.ts';
import {
  criSocketOption,
  dryRunOption,
  ignorePreflightErrorsOption,
  loadConfiguration,
  outputOption,
  skipPhasesOption,
} from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb, type VerbRun, warn } from './run.ts';
import { acceptNewHostKeysOption, sshOption } from './ssh-options.ts';

const EXAMPLES = `
Examples:
  on the host:      kadm reset --force
                    kadm reset --dry-run
  from the master:  kadm reset --ssh root@10.0.0.2
`;

const PHASE_EXAMPLES = `
Examples:
  kadm reset phase
  kadm reset phase stop-pods --force
  kadm reset phase cleanup-node --dry-run
`;

interface ResetOptions {
  readonly ssh?: readonly string[];
  readonly acceptNewHostKeys?: boolean;
  readonly config?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly skipPhases?: readonly string[];
  readonly criSocket?: string;
  readonly drain: boolean;
  readonly output: OutputFormat;
}

/** Those of the command line, over those of a document. */
type AllOptions = { readonly [K in keyof ResetOptions]: ResetOptions[K] | undefined };

export function resetCommand(): Command {
  const reset = withOptions(new Command('reset').enablePositionalOptions())
    .description('bring this host, or others over SSH, back to what they were before kadm')
    .addOption(sshOption('reset these hosts instead; from the master their nodes are drained and deleted'))
    .addOption(acceptNewHostKeysOption())
    .option('--no-drain', 'do not move pods away from the node first')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ResetOptions) => await runReset(options));
  const phase = withOptions(new Command('phase'))
    .description('run only these phases of reset; without a name, list them')
    .argument('[name...]', 'a phase, or kubeadm’s name of several: cleanup-node')
    .addHelpText('after', PHASE_EXAMPLES)
    .action(async (words: string[], options: ResetOptions) => {
      await (words.length === 0 ? listPhases() : runReset(options, [words.join(' ')]));
    });
  return reset.addCommand(phase);
}

function withOptions(command: Command): Command {
  return command
    .option('-f, --force', 'do not ask')
    .addOption(skipPhasesOption())
    .addOption(criSocketOption())
    .addOption(ignorePreflightErrorsOption())
    .option('--config <file>', 'configuration with a ResetConfiguration, - for standard input')
    .addOption(dryRunOption())
    .addOption(outputOption());
}

async function listPhases(): Promise<void> {
  const { RESET_NAMES, resetPhases } = await import('../reset/index.ts');
  const { listOfPhases } = await import('../phases/select.ts');
  process.stdout.write(`${listOfPhases(resetPhases, RESET_NAMES)}\n`);
}

async function runReset(given: ResetOptions, only?: readonly string[]): Promise<void> {
  await runVerb(given.output, async (run) => {
    check('--cri-socket', criSocketSchema, given.criSocket);
    if (given.ssh === undefined) requireRoot();
    // Only one that is named: what cannot be read any more must not keep a host from being reset.
    const configuration =
      given.config === undefined ? NO_CONFIGURATION : await loadConfiguration(given.config);
    for (const message of contradictions(RESET_FLAGS, given, configuration)) warn(run.emit, message);
    const { force, dryRun, skipPhases } = configuration.documents.ResetConfiguration ?? {};
    const options = { force, dryRun, skipPhases, ...given };
    if (options.ssh === undefined) return await resetHere(options, run, only);
    await refuseForOthers(options);
    await confirm(options);
    return await resetOthers(options.ssh, given, run);
  });
}

async function confirm(options: AllOptions): Promise<void> {
  if (options.force === true) return;
  const what = options.ssh === undefined ? 'this host' : options.ssh.join(', ');
  if (!process.stdin.isTTY) {
    throw new UserError(`reset would end everything that runs on ${what} for its cluster`, {
      remedy: 'confirm with --force',
      exitCode: EXIT.usage,
    });
  }
  const { default: inquirer } = await import('inquirer');
  const message = `End everything that runs on ${what} for its cluster?`;
  const { yes } = await inquirer.prompt([{ type: 'confirm', name: 'yes', message, default: false }]);
  if (!yes) throw new UserError('nothing was changed', { exitCode: EXIT.interrupted });
}

async function resetHere(
  options: AllOptions,
  { emit, signal }: VerbRun,
  only?: readonly string[],
): Promise<string | undefined> {
  const { reset } = await import('../reset/run.ts');
  const { dryRunReport, hostFor } = await import('./dry-run.ts');
  const { dryRun = false, skipPhases = [] } = options;
  if (!dryRun) await confirm(options);
  const host = hostFor(dryRun);
  const changed = await reset({ host, skip: skipPhases, emit, signal, ...(only && { only }) });
  if (!changed) return 'kadm has changed nothing on this host: nothing to undo.';
  if (dryRun || only !== undefined) return dryRunReport(host, emit);
  return skipPhases.length === 0
    ? 'This host is what it was before kadm.'
    : `Done, but for what was left out: ${skipPhases.join(', ')}.`;
}

/** What is of one host alone. @throws UserError (usage) */
async function refuseForOthers({ dryRun = false, skipPhases = [] }: AllOptions): Promise<void> {
  const { refuseDryRun } = await import('./dry-run.ts');
  if (dryRun) refuseDryRun('kadm reset --dry-run');
  if (skipPhases.length === 0) return;
  throw new UserError('--ssh goes without --skip-phases and skipPhases', {
    remedy: `run it on the host itself: kadm reset --skip-phases ${skipPhases.join(',')}`,
    exitCode: EXIT.usage,
  });
}

async function resetOthers(hosts: readonly string[], options: ResetOptions, run: VerbRun): Promise<string> {
  const { resetHosts } = await import('../fleet/reset.ts');
  const { adminAccess } = await import('./cluster-access.ts');
  const { ownExecutable, targetsFrom, withConnector } = await import('./ssh-options.ts');
  const targets = await targetsFrom(hosts);
  const access = await adminAccess();
  try {
    const executable = await ownExecutable();
    await withConnector(options, run, async (connector) => {
      const remote = { connector, executable };
      const { drain, skipPhases = [] } = options;
      await resetHosts({ targets, remote, client: access?.client, drain, skipPhases, ...run });
    });
  } finally {
    access?.client.close();
  }
  return `${targets.map(({ name }) => name).join(', ')}: as before kadm.`;
}
