import { Command } from 'commander';
import { EXIT, UserError } from '../errors.ts';
import { requireRoot } from '../node/preflight.ts';
import { loadDocuments, outputOption, skipPhasesOption } from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb, type VerbRun } from './run.ts';
import { acceptNewHostKeysOption, sshOption } from './ssh-options.ts';

const EXAMPLES = `
Examples:
  on the host:      kadm reset --force
  from the master:  kadm reset --ssh root@10.0.0.2
`;

interface ResetOptions {
  readonly ssh?: readonly string[];
  readonly acceptNewHostKeys?: boolean;
  readonly config?: string;
  readonly force?: boolean;
  readonly skipPhases?: readonly string[];
  readonly drain: boolean;
  readonly output: OutputFormat;
}

export function resetCommand(): Command {
  return new Command('reset')
    .description('bring this host, or others over SSH, back to what they were before kadm')
    .addOption(sshOption('reset these hosts instead; from the master their nodes are drained and deleted'))
    .addOption(acceptNewHostKeysOption())
    .option('-f, --force', 'do not ask')
    .option('--config <file>', 'configuration with a ResetConfiguration, - for standard input')
    .option('--no-drain', 'do not move pods away from the node first')
    .addOption(skipPhasesOption())
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action(async (options: ResetOptions) => {
      await runVerb(options.output, async (run) => {
        if (options.ssh === undefined) requireRoot();
        // Only one that is named: what cannot be read any more must not keep a host from being reset.
        const { ResetConfiguration: document } =
          options.config === undefined ? {} : await loadDocuments(options.config);
        await confirm({ ...options, force: options.force ?? document?.force ?? false });
        return options.ssh === undefined
          ? await resetHere(run, options.skipPhases ?? document?.skipPhases ?? [])
          : await resetOthers(options.ssh, options, run);
      });
    });
}

async function confirm(options: ResetOptions): Promise<void> {
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

async function resetHere({ emit, signal }: VerbRun, skip: readonly string[]): Promise<string> {
  const { resetPhases } = await import('../reset/index.ts');
  const { runPhases } = await import('../phases/runner.ts');
  const { Ledger } = await import('../phases/ledger.ts');
  const { LocalHost } = await import('../host/host.ts');
  const host = new LocalHost();
  const { withHostLock } = await import('../host/host-lock.ts');
  const ledger = await withHostLock('kadm reset', async () => {
    const read = await Ledger.open(host);
    await runPhases(resetPhases, { host, ledger: read }, { emit, signal, skip });
    return read;
  });
  return ledger.changes.length === 0
    ? 'kadm has changed nothing on this host: nothing to undo.'
    : 'This host is what it was before kadm.';
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
