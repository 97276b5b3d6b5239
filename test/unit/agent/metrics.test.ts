import { describe, expect, it } from 'vitest';
import { renderMetrics } from '../../../src/agent/metrics.ts';
import { NetworkRecord } from '../../../src/agent/network-record.ts';
import type { PassFacts } from '../../../src/agent/pass-facts.ts';
import { counterIn } from '../../../src/agent/status.ts';

const FACTS: PassFacts = {
  backend: 'vxlan',
  warnings: [],
  networks: [{ family: 4, device: 'flannel.1', podCidr: '10.244.0.0/24' }],
  mtu: 1450,
  lacking: undefined,
  ways: () => [],
  peerNodes: 0,
  conflicts: [],
  refusals: [],
  repaired: { route: 2, link: 1 },
  shown: [],
};

const OWN = {
  certificateExpires: 1_800_000_000_000,
  eventLoopLagSeconds: 0.01,
  residentBytes: 75_000_000,
};

function metrics(record: NetworkRecord): string {
  const summary = { sent: 20, loss: 0.05, lastMs: 1.5, averageMs: 2, lostInRow: 0 };
  return renderMetrics({
    ...OWN,
    network: {
      record,
      probes: [
        {
          node: 'a"b\\c',
          family: 'IPv4',
          state: 'reached',
          small: summary,
          full: { sent: 1, loss: 1, lostInRow: 1 },
        },
      ],
    },
  });
}

describe('metrics', () => {
  const record = new NetworkRecord();
  record.passed(FACTS, 2, { ms: 30, trigger: 'the start' });
  record.passed({ ...FACTS, repaired: { route: 1 } }, 2, { ms: 700, trigger: 'an event' });
  record.passed({ ...FACTS, repaired: {} }, 2, { ms: 20_000, trigger: 'an event' });
  record.failed('no');
  const text = metrics(record);

  it('count repairs by kind, and failures', () => {
    expect(text).toContain('kadm_network_repairs_total{kind="route"} 3\n');
    expect(text).toContain('kadm_network_repairs_total{kind="link"} 1\n');
    expect(text).toContain('kadm_network_reconcile_failures_total 1\n');
  });

  it('give the time of reconciliations as a histogram whose classes add up', () => {
    expect(text).toContain('_seconds_bucket{le="0.025"} 0\n');
    expect(text).toContain('_seconds_bucket{le="0.05"} 1\n');
    expect(text).toContain('_seconds_bucket{le="1"} 2\n');
    expect(text).toContain('_seconds_bucket{le="10"} 2\n');
    expect(text).toContain('_seconds_bucket{le="+Inf"} 3\n');
    expect(text).toContain('kadm_network_reconcile_duration_seconds_count 3\n');
    expect(text).toContain('kadm_network_reconcile_duration_seconds_sum 20.73\n');
  });

  it('say nothing of a pod network that is another’s', () => {
    const text = renderMetrics({ ...OWN, network: undefined });
    expect(text).toContain('kadm_agent_certificate_expiration_timestamp_seconds 1800000000\n');
    expect(text).not.toMatch(/network|probe/);
  });

  it('tell of probes by peer, family and size, names escaped, nothing where nothing was answered', () => {
    expect(text).toContain('kadm_probe_loss_ratio{peer="a\\"b\\\\c",family="IPv4",size="small"} 0.05\n');
    expect(text).toContain(
      'kadm_probe_round_trip_seconds{peer="a\\"b\\\\c",family="IPv4",size="small"} 0.0015\n',
    );
    expect(text).not.toMatch(/round_trip_seconds\{.*full/);
  });

  it('have one HELP and one TYPE line a family, and lines of the text format only', () => {
    const lines = text.trimEnd().split('\n');
    const families = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
    expect(new Set(families).size).toBe(families.length);
    const odd = lines.filter(
      (line) =>
        !/^(# (HELP|TYPE) \S+ .+|[a-z_]+(\{[a-z]+="([^"\\]|\\.)*"(,[a-z]+="([^"\\]|\\.)*")*\})? [-+.e\d]+)$/.test(
          line,
        ),
    );
    expect(odd).toEqual([]);
  });
});

describe('the record of the network', () => {
  it('keeps the last repair, and not the looks that found nothing to do', () => {
    const record = new NetworkRecord();
    record.passed(FACTS, 2, { ms: 30, trigger: 'the start' });
    record.passed({ ...FACTS, repaired: {} }, 2, { ms: 30, trigger: 'the look every 30 s' });
    expect(record.lastRepair).toMatchObject({ trigger: 'the start', steps: 3 });
  });
});

describe('a counter of the kernel', () => {
  it('is found by the name above it', () => {
    const text = 'TcpExt: A IPReversePathFilter B\nTcpExt: 1 22 3\nIpExt: A\nIpExt: 4\n';
    expect(counterIn(text, 'TcpExt', 'IPReversePathFilter')).toBe(22);
    expect(counterIn(text, 'TcpExt', 'None')).toBe(0);
    expect(counterIn('', 'Udp', 'InCsumErrors')).toBe(0);
  });
});
