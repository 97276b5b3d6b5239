import { Command } from 'commander';
import type { AgentStatus } from '../agent/status.ts';
import type { NodeReport } from '../netcheck/agents.ts';
import { onMaster } from './cluster-access.ts';
import { outputOption } from './options.ts';
import { printable } from './printable.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb } from './run.ts';
import { table } from './table.ts';

/** `kadm network status`: what the agent of each node says. */
export function networkStatusCommand(): Command {
  return new Command('status')
    .description('what the agent of each node has set up, repaired and probed')
    .addOption(outputOption())
    .action(async ({ output }: { output: OutputFormat }) => {
      await runVerb(output, async ({ emit }) => {
        const { askAgents } = await import('../netcheck/agents.ts');
        const nodes = await onMaster(async ({ client, credentials }) => await askAgents(client, credentials));
        if (output === 'json') emit({ type: 'result', path: [], result: { nodes } });
        return describeNetwork(nodes, Date.now());
      });
    });
}

/** The reports as a person reads them. @param now milliseconds since 1970 */
export function describeNetwork(reports: readonly NodeReport[], now: number): string {
  const head = ['NODE', 'STATE', 'BACKEND', 'DEVICE', 'MTU', 'PODS', 'PEERS', 'LAST REPAIR'];
  const nodes = table([head, ...reports.map((report) => nodeRow(report, now))]);
  const probes = reports.flatMap(({ node, status }) => probeRows(node, status));
  const remarks = reports.flatMap(remarksOf);
  return printable(
    [
      nodes,
      ...(probes.length === 0
        ? []
        : [
            '',
            table([
              ['FROM', 'TO', 'STATE', 'SMALL', 'FULL SIZE', 'PROBED'],
              ...probes.map((row) => row(now)),
            ]),
          ]),
      ...(remarks.length === 0 ? [] : ['', ...remarks]),
    ].join('\n'),
  );
}

function nodeRow({ node, status }: NodeReport, now: number): string[] {
  if (status === undefined) return [node, 'no answer', '-', '-', '-', '-', '-', '-'];
  const { backend, networks, mtu, peers, ready, lastRepair } = status;
  const repair =
    lastRepair === undefined
      ? 'none'
      : `${ago(lastRepair.at, now)}: ${Object.keys(lastRepair.kinds).join(', ')} after ${lastRepair.trigger}`;
  return [
    node,
    ready ? 'ready' : 'not ready',
    backend,
    listed(networks.map(({ device }) => device)),
    mtu === undefined ? '-' : String(mtu),
    listed(networks.map(({ podCidr }) => podCidr)),
    `${peers.installed}/${peers.wanted}`,
    repair,
  ];
}

function listed(texts: readonly string[]): string {
  return texts.length === 0 ? '-' : texts.join(',');
}

type Probe = AgentStatus['probes'][number];

function probeRows(node: string, status: AgentStatus | undefined): ((now: number) => string[])[] {
  const two = (status?.networks.length ?? 0) > 1;
  return (status?.probes ?? []).map((probe) => (now: number) => [
    node,
    two ? `${probe.node} ${probe.family}` : probe.node,
    probe.state,
    figures(probe.small),
    // Where small ones were lost, none of full size were sent: theirs are older.
    probe.small.lostInRow > 0 ? '-' : figures(probe.full),
    probe.probedAt === undefined ? '-' : ago(probe.probedAt, now),
  ]);
}

/** 0.42 ms, 5 % lost; without a time where the last one was lost */
function figures({ sent, loss, lastMs, lostInRow }: Probe['small']): string {
  if (sent === 0) return '-';
  const lost = loss === 0 ? '' : `${Math.round(loss * 100)} % lost`;
  const time = lastMs === undefined || lostInRow > 0 ? '' : `${lastMs.toFixed(2)} ms`;
  return [time, lost].filter((text) => text !== '').join(', ');
}

function remarksOf({ node, status, error }: NodeReport): string[] {
  if (status === undefined) return [`${node}: its agent gives no answer: ${error ?? ''}`];
  return [
    ...(status.why === undefined ? [] : [`${node}: ${status.why}`]),
    ...[...status.warnings, ...status.conflicts].map((text) => `${node}: ${text}`),
    ...status.refusals.map((refusal) => `${node}: Node ${refusal.node} is left out: ${refusal.reason}`),
    ...status.host.competingCni.map((name) => `${node}: ${name} is read before kadm's CNI configuration`),
    ...status.probes.flatMap(({ node: peer, family, why }) =>
      why === undefined ? [] : [`${node}: ${peer}${family === 'IPv6' ? ' by IPv6' : ''}: ${why}`],
    ),
  ];
}

/** 3 s ago, 12 min ago */
function ago(time: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000));
  if (seconds < 120) return `${seconds} s ago`;
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3_600)} h ago`;
}
