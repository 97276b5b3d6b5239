import { Command } from 'commander';
import { AGENT_SETTINGS } from '../agent/paths.ts';
import { EXIT, UserError } from '../errors.ts';
import { report } from './report.ts';

const DESCRIPTION = 'run the agent of this node: pod network, certificates (the unit kadm-agent does)';

interface AgentFlags {
  readonly settings: string;
  readonly once?: true;
  readonly dryRun?: true;
}

export function agentCommand(): Command {
  return new Command('agent')
    .description(DESCRIPTION)
    .option('--settings <file>', 'what init and join wrote for it', AGENT_SETTINGS)
    .option('--once', 'bring the pod network up to date once, and say what was done')
    .option('--dry-run', 'with --once: only say what would be done')
    .action(async (flags: AgentFlags) => await run(flags));
}

async function run(flags: AgentFlags): Promise<void> {
  try {
    if (flags.once === true) await once(flags);
    else await daemon(flags);
  } catch (error) {
    process.exitCode = report(error, 'text');
  }
}

async function daemon({ settings, dryRun }: AgentFlags): Promise<void> {
  if (dryRun === true) {
    throw new UserError('--dry-run goes with --once', {
      remedy: 'run `kadm agent --once --dry-run`',
      exitCode: EXIT.usage,
    });
  }
  const { agentDaemon } = await import('./agent-daemon.ts');
  await agentDaemon(settings);
}

async function once({ settings, dryRun }: AgentFlags): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
  const { runOnce } = await import('../agent/once.ts');
  const { readAgentSettings } = await import('../agent/settings.ts');
  const { log } = await import('../agent/log.ts');
  const options = { dryRun: dryRun === true, signal: stop.signal, log };
  process.stdout.write(`${await runOnce(await readAgentSettings(settings), options)}\n`);
}
