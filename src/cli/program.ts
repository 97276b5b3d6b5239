import { Command, CommanderError } from 'commander';
import { EXIT } from '../errors.ts';
import { agentCommand } from './agent.ts';
import { certsCommand } from './certs.ts';
import { askCommand, completionCommand } from './completion.ts';
import { configCommand } from './config.ts';
import { execCommand } from './exec.ts';
import { hostsCommand } from './hosts.ts';
import { initCommand } from './init.ts';
import { joinCommand } from './join.ts';
import { kubeconfigCommand } from './kubeconfig.ts';
import { labCommand } from './lab.ts';
import { networkCommand } from './network.ts';
import { nodeCommand } from './node.ts';
import { versionText } from './own-version.ts';
import { report } from './report.ts';
import { resetCommand } from './reset.ts';
import { tokenCommand } from './token.ts';
import { upCommand } from './up.ts';
import { versionCommand } from './version.ts';
import { welcomeCommand } from './welcome.ts';

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 this host is not ready for it, 4 done on some of several
hosts, 130 interrupted.`;

/** The whole command line; main only runs it and sets the exit code. */
export function program(): Command {
  const kadm = new Command('kadm')
    .description('Turns Linux machines into a Kubernetes cluster, and keeps it one')
    .version(versionText(), '-V, --version')
    .addHelpText('after', EXIT_CODES)
    // What follows a command is its own: `init phase NAME --dry-run` must not give the flag to `init`.
    .enablePositionalOptions();
  const commands = [
    upCommand(),
    initCommand(),
    joinCommand(),
    resetCommand(),
    execCommand(),
    hostsCommand(),
    nodeCommand(),
    tokenCommand(),
    certsCommand(),
    kubeconfigCommand(),
    networkCommand(),
    configCommand(),
    labCommand(),
    agentCommand(),
    completionCommand(),
    versionCommand(),
  ];
  for (const command of commands) kadm.addCommand(command);
  for (const command of [welcomeCommand(), askCommand()]) kadm.addCommand(command, { hidden: true });
  everyCommand(kadm, (command) => {
    command.exitOverride();
    // A mistake is one line, and where to look is another; the whole help only when asked for.
    command.configureOutput({ outputError: (text, write) => write(asOurs(text)) });
    command.showHelpAfterError(`      \`${fullName(command)} --help\` shows what there is`);
  });
  return kadm;
}

/** commander's words of a mistake, with its guess at what was meant on the same line. */
function asOurs(text: string): string {
  return text.replace(/^error: /, 'kadm: ').replace('\n(Did you mean', ' (did you mean');
}

/** Such as `kadm token create`. */
function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}

function everyCommand(command: Command, act: (command: Command) => void): void {
  act(command);
  for (const child of command.commands) everyCommand(child, act);
}

export async function main(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(argv as string[]);
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
    else process.exitCode = report(error, 'text');
  }
}
