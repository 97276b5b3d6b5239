import type { IdleCost } from './agent-cost.ts';
import { list, type Machine, ratio, seconds, setting, table } from './report.ts';
import type { ScaleFigures } from './scale-bench.ts';
import { median, percentile } from './statistics.ts';

export const SCALE_HEADING = 'The agent with 5,000 nodes';

export function scaleSection(figures: ScaleFigures, machine: Machine): string {
  const { nodes, nodeBytes, sync, changes, othersTouched, burst, idle } = figures;
  const kib = (nodeBytes / 1024).toFixed(1);
  return [
    setting(machine, sync.byHand.length),
    `A cluster of three nodes of which etcd, the API server and the agents are left running; then ${nodes} Nodes, copies of a real one of ${kib} KiB. One worker's agent is measured, on the machine that also runs the rest.`,
    table(
      [`${sync.entries} entries of ${nodes - 1} peers`, 'median', 'runs'],
      [
        ['by hand: `ip -batch`, `bridge -batch`', seconds(median(sync.byHand)), list(sync.byHand)],
        ['by the agent, read again to check', seconds(median(sync.reconciled)), list(sync.reconciled)],
        [
          'from the start of the agent, all Nodes listed, until READY',
          seconds(median(sync.ready)),
          list(sync.ready),
        ],
      ],
    ),
    table(
      ['', 'measured', 'at most'],
      [
        ['the agent / by hand', ratio(median(sync.reconciled) / median(sync.byHand)), '1.5'],
        ['start until READY / by hand', ratio(median(sync.ready) / median(sync.byHand)), ''],
        ['one change of a Node to the kernel, median', ms(median(changes)), ''],
        [`99 % of ${changes.length} changes`, ms(percentile(changes, 0.99)), '20 ms'],
        ['slowest of them', ms(Math.max(...changes)), ''],
        ['news of other entries meanwhile', String(othersTouched), '0'],
        [`${burst.changes} changes in ${burst.seconds.toFixed(1)} s: lost`, String(burst.lost), '0'],
        ['the last of them in the kernel after', ms(burst.settledMs), ''],
      ],
    ),
    table(
      [
        'nothing to do',
        'CPU of a core',
        'at most',
        'memory',
        'at most',
        'program',
        'V8, threads',
        'malloc',
        'libraries',
      ],
      [
        idleRow('worker, 3 nodes', idle.worker, '0.2 %', '75 MB'),
        idleRow('master, 3 nodes', idle.master, '', ''),
        idleRow(`worker, ${nodes} nodes`, idle.large, '1 %', '110 MB'),
      ],
    ),
    'CPU is that of the whole unit, with the programs that it starts. Memory is resident, in MB; of it the executable is shared by all processes that run it.',
  ].join('\n\n');
}

function idleRow(name: string, { cpu, memory }: IdleCost, cpuTarget: string, memoryTarget: string): string[] {
  const parts = [memory.program, memory.anonymous, memory.heap, memory.libraries];
  const percent = `${(cpu * 100).toFixed(2)} %`;
  return [
    name,
    percent,
    cpuTarget,
    memory.total.toFixed(0),
    memoryTarget,
    ...parts.map((one) => one.toFixed(0)),
  ];
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
