import { Command } from 'commander';
import { EXIT, UserError } from '../errors.ts';
import type { CheckedHost } from '../fleet/check.ts';
import { outputOption } from './options.ts';
import { printable } from './printable.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb, type VerbRun } from './run.ts';
import { acceptNewHostKeysOption } from './ssh-options.ts';
import { table } from './table.ts';

const EXAMPLES = `
Examples:
  kadm hosts check -f cluster.yaml
  kadm hosts check -f cluster.yaml --output json | jq 'select(.type == "result").result.checked'
`;

interface CheckOptions {
  readonly file?: string;
  readonly hosts: string;
  readonly acceptNewHostKeys?: boolean;
  readonly output: OutputFormat;
}

export function hostsCommand(): Command {
  return new Command('hosts')
    .description('look at the machines of a file or a cluster, over SSH')
    .addCommand(checkCommand())
    .addHelpText('after', EXAMPLES);
}

function checkCommand(): Command {
  return new Command('check')
    .description('connect to all of them: what they are, and what would stop a join; changes nothing')
    .option('-f, --file <file>', 'the file of the cluster; without it the nodes of this master’s cluster')
    .option('--hosts <which>', 'workers, masters, all, or names separated by commas', 'all')
    .addOption(acceptNewHostKeysOption())
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action(async (options: CheckOptions) => {
      await runVerb(options.output, async (run) => await check(options, run));
    });
}

async function check(options: CheckOptions, run: VerbRun): Promise<string> {
  const { checkHosts } = await import('../fleet/check.ts');
  const { chosen, knownHosts } = await import('./chosen-hosts.ts');
  const { withConnector } = await import('./ssh-options.ts');
  const { throwFailures } = await import('../fleet/hosts.ts');
  const hosts = chosen(await knownHosts(options.file), options.hosts);
  const { checked, results } = await withConnector(options, run, async (connector) =>
    checkHosts(hosts, { connector, emit: run.emit }),
  );
  run.emit({ type: 'result', path: [], result: { checked } });
  const report = printable(reportOf(checked));
  const unfit = checked.filter(({ problems }) => problems.length > 0);
  if (options.output === 'text' && (unfit.length > 0 || results.some(({ ok }) => !ok)))
    process.stdout.write(`${report}\n`);
  throwFailures(results, 'check');
  if (unfit.length === 0) return report;
  throw new UserError(`not ready: ${unfit.map(({ host }) => host).join(', ')}`, {
    remedy: 'mend what is listed for each, and run this again',
    exitCode: EXIT.preflight,
  });
}

/** A table of what the hosts are, and below it what would stop a join. */
function reportOf(checked: readonly CheckedHost[]): string {
  const head = ['HOST', 'OS', 'CPU', 'MEMORY', 'DISK FREE', 'CLOCK', 'ADDRESSES', 'JOIN'];
  const rows = checked.map(({ host, facts, problems }) => [
    host,
    facts.os,
    String(facts.cpus),
    `${facts.memoryMiB} MiB`,
    `${facts.places.find(({ path }) => path === '/var')?.freeMiB ?? 0} MiB`,
    facts.clockOffsetMs === undefined
      ? '?'
      : `${(Math.round(facts.clockOffsetMs / 100) / 10 || 0).toFixed(1)} s`,
    facts.addresses.map((text) => text.replace(/^(\S+) (\S+?)(\/\d+)?$/, '$1=$2')).join(' '),
    facts.completed !== undefined
      ? `a node (${facts.completed})`
      : problems.length === 0
        ? 'ready'
        : 'not ready',
  ]);
  const lines = checked.flatMap(({ host, problems }) => problems.map((problem) => `${host}: ${problem}`));
  return [table([head, ...rows]), ...lines].join('\n');
}
