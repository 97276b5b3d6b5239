import { Command } from 'commander';
import { EXIT, UserError } from '../errors.ts';
import type { CheckResult, Row } from '../netcheck/check.ts';
import { onMaster } from './cluster-access.ts';
import { listOption, outputOption } from './options.ts';
import { printable } from './printable.ts';
import type { OutputFormat } from './renderer.ts';
import { runVerb } from './run.ts';
import { table } from './table.ts';

interface Flags {
  readonly nodes?: readonly string[];
  readonly output: OutputFormat;
}

/** `kadm network check`: real pods try each other, a Service and DNS. */
export function networkCheckCommand(): Command {
  return new Command('check')
    .description(
      'start a pod on each node, let them try each other, a Service and DNS, and name what is broken',
    )
    .addOption(listOption('--nodes <names>', 'these nodes only, comma-separated'))
    .addOption(outputOption())
    .action(async ({ nodes, output }: Flags) => {
      await runVerb(output, async ({ emit, signal }) => {
        const { checkNetwork } = await import('../netcheck/check.ts');
        const progress = (message: string): void => emit({ type: 'progress', path: [], message });
        const result = await onMaster(
          async ({ client, credentials }) =>
            await checkNetwork({
              client,
              credentials,
              tunnelPort: await tunnelPort(),
              nodes,
              signal,
              progress,
            }),
        );
        if (output === 'json') emit({ type: 'result', path: [], result: { ...result } });
        const text = printable(describeCheck(result));
        if (result.broken.length === 0) return text;
        if (output === 'text') process.stdout.write(`${text}\n`);
        throw new UserError(summaryOf(result), { exitCode: EXIT.failed });
      });
    });
}

/** As this master's agent was told; VXLAN's usual one where there is none. */
async function tunnelPort(): Promise<number> {
  const { readAgentSettings } = await import('../agent/settings.ts');
  const { AGENT_SETTINGS } = await import('../agent/paths.ts');
  return await readAgentSettings(AGENT_SETTINGS).then(
    ({ network }) => network.port,
    () => 8_472,
  );
}

function summaryOf({ broken }: CheckResult): string {
  const pairs = broken.filter(({ to }) => to !== '').length;
  const others = broken.length - pairs;
  const parts = [
    ...(pairs === 0 ? [] : [`${pairs} ${pairs === 1 ? 'pair' : 'pairs'} of nodes`]),
    ...(others === 0 ? [] : [`${others} other ${others === 1 ? 'check' : 'checks'}`]),
  ];
  return `the pod network is broken: ${parts.join(' and ')} failed`;
}

/** The matrix and what is broken, as a person reads it. */
export function describeCheck({ rows, broken }: CheckResult): string {
  const names = rows.map(({ node }) => node);
  const found = new Set(rows.flatMap(({ findings }) => findings?.pods.map(({ family }) => family) ?? []));
  const families = found.size === 0 ? (['IPv4'] as const) : [...found];
  const matrices = families.map((family) =>
    table([
      [families.length > 1 ? family : 'FROM \\ TO', ...names, 'SERVICE', 'DNS'],
      ...rows.map((row) => [
        row.node,
        ...names.map((to) => cell(row, to, family)),
        tried(row, 'service'),
        tried(row, 'dns'),
      ]),
    ]),
  );
  const matrix = matrices.join('\n\n');
  const complaints = broken.flatMap(({ from, to, what, cause }) => [
    to === '' ? `${from}: ${what}` : `${from} - ${to}: ${what}`,
    ...(cause === undefined ? [] : [`  likely cause (${cause.kind}): ${cause.text}`]),
  ]);
  if (complaints.length === 0) {
    const good =
      rows.length === 1
        ? 'The pod reaches the Service and DNS; there is no other node to try.'
        : 'Every pod reaches all others, at full size too, the Service and DNS.';
    return `${matrix}\n\n${good}`;
  }
  return `${matrix}\n\n${complaints.join('\n')}`;
}

function cell({ node, findings }: Row, to: string, family: 'IPv4' | 'IPv6'): string {
  if (node === to) return '-';
  const found = findings?.pods.find((pod) => pod.node === to && pod.family === family);
  if (found === undefined) return 'not tried';
  const { small, full } = found;
  if (small.answered === 0) return 'LOST';
  if (full.answered === 0) return 'SMALL ONLY';
  const lost = small.sent + full.sent - small.answered - full.answered;
  const loss = lost === 0 ? '' : `, ${Math.round((100 * lost) / (small.sent + full.sent))} % lost`;
  return `${(full.averageMs ?? 0).toFixed(2)} ms${loss}`;
}

function tried({ findings }: Row, what: 'service' | 'dns'): string {
  if (findings === undefined) return 'not tried';
  const { sent, answered } = findings[what];
  if (answered === sent) return 'ok';
  return answered === 0 ? 'FAILED' : `${answered} of ${sent}`;
}
