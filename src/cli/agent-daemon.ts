import { runAgent } from '../agent/agent.ts';
import { log } from '../agent/log.ts';
import { AGENT_SETTINGS } from '../agent/paths.ts';
import { readAgentSettings } from '../agent/settings.ts';
import { report } from './report.ts';

/** Runs the agent of this node until SIGTERM or SIGINT, and sets the exit code. */
export async function agentDaemon(settings: string = AGENT_SETTINGS): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
  try {
    await runAgent(await readAgentSettings(settings), stop.signal, log);
  } catch (error) {
    process.exitCode = report(error, 'text');
  }
}
