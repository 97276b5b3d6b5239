import { Command } from 'commander';
import {
  configOption,
  ignorePreflightErrorsOption,
  loadDocuments,
  outputOption,
  skipPhasesOption,
} from './options.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb, type VerbRun, warn } from './run.ts';
import { acceptNewHostKeysOption, sshOption } from './ssh-options.ts';

const EXAMPLES = `
Examples:
  on a node that kubeadm joined:  kadm node adopt
  from the master:                kadm node adopt --ssh root@10.0.0.2
  a cluster that kubeadm made:    kadm node adopt     (on its control plane first, then on its workers)
`;

interface AdoptOptions {
  readonly ssh?: readonly string[];
  readonly acceptNewHostKeys?: boolean;
  readonly ignorePreflightErrors?: readonly string[];
  readonly skipPhases?: readonly string[];
  readonly config?: string;
  readonly output: OutputFormat;
}

/** `kadm node`: what concerns one node of a cluster that is there. */
export function nodeCommand(): Command {
  return new Command('node').description('take in nodes that kubeadm made').addCommand(adoptCommand());
}

function adoptCommand(): Command {
  return new Command('adopt')
    .description('give a node that kubeadm made kadm’s agent, and with it the pod network and `kadm reset`')
    .addOption(sshOption('adopt these hosts instead, from a master; may be repeated'))
    .addOption(acceptNewHostKeysOption())
    .addOption(skipPhasesOption())
    .addOption(ignorePreflightErrorsOption())
    .addOption(configOption())
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action(async (options: AdoptOptions) => {
      await runVerb(options.output, async (run) => {
        const { requireRoot } = await import('../node/preflight.ts');
        requireRoot();
        return options.ssh === undefined
          ? await adoptHere(options, run)
          : await adoptOthers(options.ssh, options, run);
      });
    });
}

async function adoptHere(options: AdoptOptions, run: VerbRun): Promise<string> {
  const { adopt } = await import('../adopt/run.ts');
  const { DEFAULTS } = await import('../config/defaults.ts');
  const { workerHostSettings } = await import('../config/join-settings.ts');
  const { LocalHost } = await import('../host/host.ts');
  const { unknownChecks } = await import('../node/check-names.ts');
  const { refuseDryRunHere } = await import('./dry-run.ts');
  const documents = await loadDocuments(options.config);
  refuseDryRunHere('kadm node adopt', documents);
  const given = Object.entries(documents.Cluster?.spec.network ?? {}).filter(
    ([, value]) => value !== undefined,
  );
  const settings = workerHostSettings(options, documents);
  for (const message of unknownChecks(settings.ignorePreflightErrors)) warn(run.emit, message);
  const name = await adopt({
    ...run,
    settings,
    networkSettings: { ...DEFAULTS.network, ...Object.fromEntries(given) },
    host: new LocalHost(),
    executable: process.execPath,
  });
  return `Node ${name} is in kadm's pod network, and Ready. \`kadm reset\` takes it out of the cluster.`;
}

async function adoptOthers(hosts: readonly string[], options: AdoptOptions, run: VerbRun): Promise<string> {
  const { adoptFromMaster } = await import('./join-from-master.ts');
  await adoptFromMaster(hosts, options, run);
  return `${hosts.length === 1 ? 'The node has' : `All ${hosts.length} nodes have`} kadm's agent, and are in its pod network.`;
}
