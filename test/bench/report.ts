import type { ClusterFigures, ClusterRun } from './cluster-bench.ts';
import type { FleetFigures } from './fleet-bench.ts';
import type { InitFigures } from './init-bench.ts';
import { criticalPath, type PhaseTime } from './phase-times.ts';
import { median } from './statistics.ts';

/** What the figures were taken on, as they mean little without it. */
export interface Machine {
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly kadm: string;
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly kernel: string;
}

/** Largest ratios aimed at; the second of kadm init is the next aim. */
export const TARGETS = { init: 0.75, initLater: 0.65, floorLater: 1.4, cluster: 0.6 } as const;

export const INIT_HEADING = '`kadm init` and `kubeadm init`';
export const FLEET_HEADING = 'Many hosts at once';
export const CLUSTER_HEADING = 'From bare hosts to a cluster with pod traffic';

export function initSection(
  figures: InitFigures,
  phases: readonly { readonly id: string; readonly needs: readonly string[] }[],
  machine: Machine,
): string {
  const [floor, kubeadm, kadm] = [median(figures.floor), median(figures.kubeadm), median(figures.kadm)];
  const kubeadmEcdsa = median(figures.kubeadmEcdsa);
  const typical = closestTo(
    kadm,
    figures.kadm.map((seconds, index) => ({ seconds, index })),
  );
  const times = figures.phases[typical] ?? [];
  const path = criticalPath(times, phases);
  return [
    setting(machine, figures.kadm.length),
    'Runtime running, binaries and images in place, the same components, each tool with its own defaults; each run on a fresh host, the tools in turn.',
    table(
      ['', 'median', 'runs'],
      [
        ['etcd and API server by hand, until /livez answers', seconds(floor), list(figures.floor)],
        ['kubeadm init', seconds(kubeadm), list(figures.kubeadm)],
        [
          'kubeadm init, told to make ECDSA keys as kadm does',
          seconds(kubeadmEcdsa),
          list(figures.kubeadmEcdsa),
        ],
        ['kadm init', seconds(kadm), list(figures.kadm)],
      ],
    ),
    table(
      ['ratio', 'measured', 'at most'],
      [
        ['kadm / kubeadm', ratio(kadm / kubeadm), `${TARGETS.init} (later ${TARGETS.initLater})`],
        ['kadm / kubeadm with ECDSA keys', ratio(kadm / kubeadmEcdsa), ''],
        ['kadm / floor', ratio(kadm / floor), `(later ${TARGETS.floorLater})`],
      ],
    ),
    `Where the time of a typical run of kadm goes (${seconds(figures.kadm[typical] ?? kadm)} in all, with the start and end of the program); **bold** is the critical path, ${path.map(({ id }) => id).join(' → ')}:`,
    table(
      ['phase', 'from', 'to', 'takes'],
      times.toSorted(byStart).map((time) => phaseRow(time, path.includes(time))),
    ),
  ].join('\n\n');
}

export function clusterSection(figures: ClusterFigures, machine: Machine): string {
  const row = (name: string, runs: readonly ClusterRun[]): string[] => [
    name,
    seconds(median(runs.map(({ ready }) => ready))),
    seconds(median(runs.map(({ traffic }) => traffic))),
    list(runs.map(({ traffic }) => traffic)),
  ];
  const traffic = (runs: readonly ClusterRun[]): number => median(runs.map((run) => run.traffic));
  return [
    setting(machine, figures.kadm.length),
    'Three hosts with an SSH server and nothing of Kubernetes; all components are on the first one. At the end a pod on each node answers to the pods of the others.',
    table(
      ['', 'three nodes Ready', 'pod traffic flows', 'runs'],
      [row('shell script: kubeadm and a network by hand', figures.script), row('kadm up', figures.kadm)],
    ),
    table(
      ['ratio', 'measured', 'at most'],
      [['kadm / script', ratio(traffic(figures.kadm) / traffic(figures.script)), String(TARGETS.cluster)]],
    ),
  ].join('\n\n');
}

/** Replaces the sections of a document (## HEADING) that are given, and adds those it lacks at the end. */
export function withSections(document: string, sections: ReadonlyMap<string, string>): string {
  const [introduction = '', ...present] = document.split(/^## /m);
  const known = new Map(
    present.map((text) => [text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n')).trim()]),
  );
  for (const [heading, text] of sections) known.set(heading, text);
  const parts = [...known].map(([heading, text]) => `## ${heading}\n\n${text}\n`);
  return [`${introduction.trim()}\n`, ...parts].join('\n');
}

export function fleetSection(figures: FleetFigures, machine: Machine): string {
  const { endpoints, done, memoryMiB, cpuMsPerHost } = figures;
  return [
    setting(machine, 1),
    `One command on ${endpoints} SSH servers (OpenSSH, on one lab host beside it), 30 at a time. Each runs a stand-in that takes a second and tells the events of a join: this is the fan-out alone.`,
    table(
      ['', 'measured', 'at most'],
      [
        ['hosts done', `${done} of ${endpoints}`, ''],
        ['time', seconds(figures.seconds), ''],
        ['memory of kadm', `${memoryMiB.toFixed(0)} MiB`, '250 MiB'],
        ['CPU of kadm a host', `${cpuMsPerHost.toFixed(0)} ms`, '60 ms'],
      ],
    ),
  ].join('\n\n');
}

export function setting({ date, kadm, cores, processor, memoryGiB, kernel }: Machine, runs: number): string {
  return `${date}, kadm ${kadm}; ${cores} cores (${processor}), ${memoryGiB} GiB, Linux ${kernel}; ${runs === 1 ? 'one run' : `${runs} runs`} each.`;
}

function phaseRow({ id, start, end }: PhaseTime, critical: boolean): string[] {
  const cells = [id, seconds(start), seconds(end), seconds(end - start)];
  return critical ? cells.map((cell) => `**${cell}**`) : cells;
}

function byStart(a: PhaseTime, b: PhaseTime): number {
  return a.start - b.start || a.end - b.end;
}

/** Index of the run whose seconds are nearest to the median. */
function closestTo(wanted: number, runs: readonly { seconds: number; index: number }[]): number {
  const distance = ({ seconds: one }: { seconds: number }): number => Math.abs(one - wanted);
  return runs.toSorted((a, b) => distance(a) - distance(b))[0]?.index ?? 0;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export function seconds(value: number): string {
  return `${value.toFixed(2)} s`;
}

export function list(values: readonly number[]): string {
  return values.map((value) => value.toFixed(2)).join(', ');
}

export function ratio(value: number): string {
  return value.toFixed(2);
}
