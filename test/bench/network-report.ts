import type { IdleCost } from './agent-cost.ts';
import { list, type Machine, ratio, seconds, setting, table } from './report.ts';
import type { ScaleFigures } from './scale-bench.ts';
import { median, percentile } from './statistics.ts';
import { LINK_GBITS, type ThroughputFigures, type TrafficFigures } from './throughput-bench.ts';

export const SCALE_HEADING = 'The agent with 5,000 nodes';
export const THROUGHPUT_HEADING = 'Traffic between pods';

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
        ['by the agent, until the kernel has them', seconds(median(sync.made)), list(sync.made)],
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
        ['the agent / by hand', ratio(median(sync.made) / median(sync.byHand)), '1.5'],
        ['the agent, read again / by hand', ratio(median(sync.reconciled) / median(sync.byHand)), ''],
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
    'CPU is that of the whole unit, with the programs that it starts; the copies answer no probes, and to ask those that are silent costs more than an answer. Memory is resident, in MB; of it the executable is shared by all processes that run it.',
  ].join('\n\n');
}

export function throughputSection(
  { vxlan, hostGw, heldLink, cni }: ThroughputFigures,
  machine: Machine,
): string {
  return [
    setting(machine, vxlan.kadm.gbits.length),
    'Between pods of two nodes, one TCP connection: a stream (iperf3), and small requests each of which waits for the answer to the one before (sockperf). By hand: the same bridge, cable and way to the other host, made with `ip` alone between the same hosts, of the same MTU. The hosts’ cable is one of the kernel’s, so the processor is the limit; it is also measured with the cable held to less than that (tc-tbf), as a network card would be. In turn, medians.',
    table(
      ['', 'Gbit/s', 'requests a second', 'Gbit/s of the runs'],
      [
        trafficRow('VXLAN by kadm', vxlan.kadm),
        trafficRow('VXLAN by hand', vxlan.hand),
        trafficRow('host-gw by kadm', hostGw.kadm),
        trafficRow('routes by hand', hostGw.hand),
        trafficRow('the bare link, between the hosts themselves', hostGw.link),
        trafficRow(`host-gw by kadm over ${LINK_GBITS} Gbit/s`, heldLink.kadm),
        trafficRow('routes by hand over it', heldLink.hand),
        trafficRow('that link itself', heldLink.link),
      ],
    ),
    table(
      ['ratio', 'stream', 'requests', 'at least'],
      [
        ratioRow('VXLAN by kadm / by hand', vxlan.kadm, vxlan.hand, '0.98'),
        ratioRow('host-gw by kadm / routes by hand', hostGw.kadm, hostGw.hand, '0.98'),
        ratioRow('host-gw by kadm / the bare link', hostGw.kadm, hostGw.link, ''),
        ratioRow('routes by hand / the bare link', hostGw.hand, hostGw.link, ''),
        ratioRow(
          `host-gw by kadm / the bare link, of ${LINK_GBITS} Gbit/s`,
          heldLink.kadm,
          heldLink.link,
          '0.98',
        ),
        ratioRow('routes by hand / the same', heldLink.hand, heldLink.link, ''),
      ],
    ),
    `From the start of ${cni.pods} pods at once to the network of each: the CNI plugins with kadm’s configuration, and the same plugins with what flannel’s delegates to them.`,
    table(
      ['CNI calls of a pod', 'median', '99 %', 'slowest'],
      [cniRow('kadm', cni.kadm), cniRow('as flannel', cni.plain)],
    ),
    table(['ratio', 'measured'], [['kadm / as flannel', ratio(median(cni.kadm) / median(cni.plain))]]),
  ].join('\n\n');
}

function trafficRow(name: string, { gbits, requests }: TrafficFigures): string[] {
  return [name, median(gbits).toFixed(2), median(requests).toFixed(0), list(gbits)];
}

function ratioRow(name: string, ours: TrafficFigures, other: TrafficFigures, target: string): string[] {
  const stream = median(ours.gbits) / median(other.gbits);
  return [name, ratio(stream), ratio(median(ours.requests) / median(other.requests)), target];
}

function cniRow(name: string, times: readonly number[]): string[] {
  return [name, ms(median(times)), ms(percentile(times, 0.99)), ms(Math.max(...times))];
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
