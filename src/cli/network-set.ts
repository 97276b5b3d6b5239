import { Command, Option } from 'commander';
import { BACKENDS, type Backend } from '../cni/backend.ts';
import { adminAccess, notAMaster } from './cluster-access.ts';
import { outputOption } from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb } from './run.ts';

/** `kadm network set`: another backend, node by node. */
export function networkSetCommand(): Command {
  return new Command('set')
    .description(
      'change the backend of a running cluster, node by node; connections between pods last (on a master)',
    )
    .addOption(new Option('--backend <backend>', 'the new one').choices(BACKENDS).makeOptionMandatory())
    .addOption(outputOption())
    .action(async ({ backend, output }: { backend: Backend; output: OutputFormat }) => {
      await runVerb(output, async ({ emit, signal }) => {
        const { networkSetPhases } = await import('../fleet/network-set.ts');
        const { runPhases } = await import('../phases/runner.ts');
        const access = await adminAccess();
        if (access === undefined) throw notAMaster();
        try {
          await runPhases(networkSetPhases, { client: access.client, backend }, { emit, signal });
        } finally {
          access.client.close();
        }
        return `The pod network has backend ${backend}.`;
      });
    });
}
