import { DURATION_BOUNDS, type NetworkRecord } from './network-record.ts';
import { PROBE_SIZES } from './probe-series.ts';
import type { ProbeResult } from './probed-peers.ts';

export interface MetricSources {
  /** Undefined where the pod network is not kadm's. */
  readonly network: NetworkSources | undefined;
  /** Milliseconds since 1970. */
  readonly certificateExpires: number;
  /** How late the event loop was at most since it was last asked, in seconds. */
  readonly eventLoopLagSeconds: number;
  readonly residentBytes: number;
}

export interface NetworkSources {
  readonly record: NetworkRecord;
  readonly probes: readonly ProbeResult[];
}

/** The text format of Prometheus, version 0.0.4. Names and units follow its naming rules. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number, suffix?: string];

export function renderMetrics({ network, ...own }: MetricSources): string {
  return [
    ...(network === undefined ? [] : networkFamilies(network)),
    gauge(
      'kadm_agent_certificate_expiration_timestamp_seconds',
      'When the certificate of the agent expires.',
      [[{}, own.certificateExpires / 1000]],
    ),
    gauge('kadm_agent_event_loop_lag_seconds', 'Longest lag of the event loop since the last scrape.', [
      [{}, own.eventLoopLagSeconds],
    ]),
    gauge('process_resident_memory_bytes', 'Resident memory of the agent.', [[{}, own.residentBytes]]),
  ].join('');
}

function networkFamilies({ record, probes }: NetworkSources): string[] {
  const bySize = (
    value: (probe: ProbeResult, size: (typeof PROBE_SIZES)[number]) => number | undefined,
  ): Sample[] =>
    probes.flatMap((probe) =>
      PROBE_SIZES.flatMap((size) => {
        const found = value(probe, size);
        return found === undefined
          ? []
          : [[{ peer: probe.node, family: probe.family, size }, found] as const];
      }),
    );
  return [
    gauge('kadm_network_peers', 'Other nodes, by whether they are wanted or installed in the kernel.', [
      [{ state: 'wanted' }, record.peersWanted],
      [{ state: 'installed' }, installedPeers(record)],
    ]),
    gauge('kadm_network_refused_nodes', 'Nodes that are left out of the network, for what they announce.', [
      [{}, record.facts?.refusals.length ?? 0],
    ]),
    family(
      'kadm_network_repairs_total',
      'counter',
      'Changes made to the kernel, by kind.',
      Object.entries(record.repairs).map(([kind, count]) => [{ kind }, count]),
    ),
    family('kadm_network_reconcile_failures_total', 'counter', 'Reconciliations that failed.', [
      [{}, record.failures],
    ]),
    histogram(record),
    gauge(
      'kadm_probe_loss_ratio',
      'Part of the last 20 probes to a peer that was not answered.',
      bySize((probe, size) => probe[size].loss),
    ),
    gauge(
      'kadm_probe_round_trip_seconds',
      'Round trip of the last probe to a peer that was answered.',
      bySize((probe, size) => seconds(probe[size].lastMs)),
    ),
    gauge(
      'kadm_probe_reached',
      'Whether a peer was reached through the pod network by the last probes.',
      probes.map(({ node, family, state }) => [{ peer: node, family }, state === 'reached' ? 1 : 0]),
    ),
  ];
}

/** Wanted, less what other programs' routes are in the way of. */
export function installedPeers({ facts }: NetworkRecord): number {
  return facts === undefined ? 0 : Math.max(0, facts.peerNodes - facts.conflicts.length);
}

function histogram({ durations, durationSum }: NetworkRecord): string {
  let total = 0;
  const buckets = durations.map((count, index): Sample => {
    total += count;
    const bound = DURATION_BOUNDS[index];
    return [{ le: bound === undefined ? '+Inf' : String(bound) }, total, '_bucket'];
  });
  const name = 'kadm_network_reconcile_duration_seconds';
  return family(name, 'histogram', 'Time of a reconciliation with the kernel.', [
    ...buckets,
    [{}, durationSum, '_sum'],
    [{}, total, '_count'],
  ]);
}

function gauge(name: string, help: string, samples: readonly Sample[]): string {
  return family(name, 'gauge', help, samples);
}

function family(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(
    ([labels, value, suffix = '']) => `${name}${suffix}${labelText(labels)} ${value}\n`,
  );
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
