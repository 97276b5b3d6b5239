import { Command } from 'commander';
import { EXIT, UserError } from '../errors.ts';
import { requireRoot } from '../node/preflight.ts';
import { outputOption } from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb } from './run.ts';

/** `kadm network uninstall`: room for another pod network on this host. */
export function networkUninstallCommand(): Command {
  return new Command('uninstall')
    .description('remove the pod network from this host, and nothing else; its pods lose their network')
    .option('-f, --force', 'do not ask')
    .addOption(outputOption())
    .action(async ({ force, output }: { force?: boolean; output: OutputFormat }) => {
      await runVerb(output, async ({ emit, signal }) => {
        requireRoot();
        await confirm(force === true);
        const { networkUninstallPhases } = await import('../reset/network-uninstall.ts');
        const { runPhases } = await import('../phases/runner.ts');
        const { Ledger } = await import('../phases/ledger.ts');
        const { LocalHost } = await import('../host/host.ts');
        const host = new LocalHost();
        const ledger = await Ledger.open(host);
        await runPhases(networkUninstallPhases, { host, ledger }, { emit, signal });
        return 'The pod network is gone from this host. Pods that run here need a restart once it has another.';
      });
    });
}

async function confirm(force: boolean): Promise<void> {
  if (force) return;
  const message = 'Remove the pod network from this host? Its pods lose their network.';
  if (!process.stdin.isTTY) {
    throw new UserError('the pods of this host would lose their network', {
      remedy: 'confirm with --force',
      exitCode: EXIT.usage,
    });
  }
  const { default: inquirer } = await import('inquirer');
  const { yes } = await inquirer.prompt([{ type: 'confirm', name: 'yes', message, default: false }]);
  if (!yes) throw new UserError('nothing was changed', { exitCode: EXIT.interrupted });
}
