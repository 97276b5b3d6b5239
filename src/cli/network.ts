import { Command } from 'commander';
import { networkCheckCommand } from './network-check.ts';
import { networkProbeCommand } from './network-probe.ts';
import { networkSetCommand } from './network-set.ts';
import { networkStatusCommand } from './network-status.ts';
import { networkUninstallCommand } from './network-uninstall.ts';

const EXAMPLES = `
Examples:
  kadm network status
  kadm network check
  kadm network check --nodes h2,h3 --output json
  kadm network set --backend host-gw
  kadm network uninstall --force
`;

/** `kadm network`: the pod network. */
export function networkCommand(): Command {
  return new Command('network')
    .description('look at the pod network, try it out, change or remove it')
    .addCommand(networkStatusCommand())
    .addCommand(networkCheckCommand())
    .addCommand(networkProbeCommand(), { hidden: true })
    .addCommand(networkSetCommand())
    .addCommand(networkUninstallCommand())
    .addHelpText('after', EXAMPLES);
}
