import { Command } from 'commander';
import { networkSetCommand } from './network-set.ts';
import { networkUninstallCommand } from './network-uninstall.ts';

const EXAMPLES = `
Examples:
  kadm network set --backend host-gw
  kadm network uninstall --force
`;

/** `kadm network`: the pod network. */
export function networkCommand(): Command {
  return new Command('network')
    .description('change the pod network, or remove it')
    .addCommand(networkSetCommand())
    .addCommand(networkUninstallCommand())
    .addHelpText('after', EXAMPLES);
}
