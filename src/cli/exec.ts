import { Command } from 'commander';
import { duration } from '../config/values.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Emit } from '../phases/events.ts';
import { outputOption } from './options.ts';
import { printable } from './printable.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb, type VerbRun } from './run.ts';
import { acceptNewHostKeysOption } from './ssh-options.ts';

const EXAMPLES = `
Examples:
  kadm exec -f cluster.yaml --hosts workers -- uptime
  kadm exec --hosts h2,h3 -- systemctl restart chrony     # on a master, without a file
`;

interface ExecOptions {
  readonly file?: string;
  readonly hosts: string;
  readonly timeout: string;
  readonly acceptNewHostKeys?: boolean;
  readonly output: OutputFormat;
}

export function execCommand(): Command {
  return new Command('exec')
    .description('run one command on many hosts at once, as root over SSH')
    .argument('<command...>', 'the command and its arguments, after --')
    .requiredOption('--hosts <which>', 'workers, masters, all, or names separated by commas')
    .option('-f, --file <file>', 'the file of the cluster; without it the nodes of this master’s cluster')
    .option('--timeout <duration>', 'how long the command may take on each host', '10m')
    .addOption(acceptNewHostKeysOption())
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action(async (argv: string[], options: ExecOptions) => {
      await runVerb(options.output, async (run) => await exec(argv, options, run), { tree: false });
    });
}

async function exec(argv: readonly string[], options: ExecOptions, run: VerbRun): Promise<undefined> {
  const { execOnHosts } = await import('../fleet/exec.ts');
  const { chosen, knownHosts } = await import('./chosen-hosts.ts');
  const { withConnector } = await import('./ssh-options.ts');
  const targets = chosen(await knownHosts(options.file), options.hosts).map(({ target }) => target);
  const seconds = duration('--timeout', options.timeout);
  if (seconds === 0) {
    throw new UserError('--timeout 0: a command that never ends holds this one up', {
      remedy: 'give a time, such as 1h',
      exitCode: EXIT.usage,
    });
  }
  await withConnector(options, run, async (connector) => {
    const { emit } = run;
    const tell = options.output === 'json' ? tellIn(emit) : print;
    await execOnHosts({ targets, argv, connector, timeoutMs: seconds * 1000, emit, tell });
  });
  return undefined;
}

function print(host: string, line: string): void {
  process.stdout.write(`[${host}] ${printable(line)}\n`);
}

function tellIn(emit: Emit): (host: string, line: string) => void {
  return (host, message) => emit({ type: 'progress', path: [host], message });
}
