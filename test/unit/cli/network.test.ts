import { describe, expect, it } from 'vitest';
import type { AgentStatus } from '../../../src/agent/status.ts';
import { describeCheck } from '../../../src/cli/network-check.ts';
import { describeNetwork } from '../../../src/cli/network-status.ts';
import type { NodeReport } from '../../../src/netcheck/agents.ts';
import { brokenPairs, type Row, wantedNodes } from '../../../src/netcheck/check.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const OK = { sent: 5, answered: 5, averageMs: 0.5 };
const LOST = { sent: 5, answered: 0 };

function row(node: string, pods: Record<string, 'ok' | 'small' | 'lost'>, wish: object = {}): Row {
  const results = Object.entries(pods).map(([name, result]) => ({
    node: name,
    family: 'IPv4' as const,
    small: result === 'lost' ? LOST : OK,
    full: result === 'ok' ? OK : LOST,
  }));
  return { node, findings: { mtu: 1450, pods: results, service: OK, dns: OK, ...wish } };
}

const REPORT = { node: 'h1', address: '192.168.1.1', architecture: 'amd64' } as const;
const STATUS: AgentStatus = {
  node: 'h1',
  backend: 'vxlan',
  mtu: 1450,
  networks: [{ family: 'IPv4', device: 'flannel.1', podCidr: '10.244.0.0/24', received: 1, sent: 1 }],
  peers: { wanted: 2, installed: 1 },
  ready: true,
  conflicts: [],
  warnings: [],
  refusals: [],
  probes: [],
  host: { competingCni: [], strictReversePath: [], counters: {} },
};

describe('the table of kadm network status', () => {
  it('shows each node, each probe, and what is to be remarked', () => {
    const summary = { sent: 20, loss: 0.05, lastMs: 0.4211, averageMs: 0.5, lostInRow: 0 };
    const text = describeNetwork(
      [
        {
          ...REPORT,
          status: {
            ...STATUS,
            lastRepair: {
              at: '2026-11-21T11:58:30Z',
              trigger: 'an event',
              steps: 2,
              kinds: { route: 2 },
              shown: [],
            },
            conflicts: ['a route is in the way'],
            probes: [
              {
                node: 'h2',
                family: 'IPv4',
                state: 'reached',
                probedAt: '2026-11-21T11:59:57Z',
                small: summary,
                full: { sent: 0, loss: 0, lostInRow: 0 },
              },
              {
                node: 'h3',
                family: 'IPv4',
                state: 'broken',
                probedAt: '2026-11-21T11:59:57Z',
                small: { ...summary, loss: 0.35, lostInRow: 7 },
                full: summary,
              },
            ],
          },
        },
        { node: 'h2', address: '192.168.1.2', architecture: 'amd64', error: 'connect ECONNREFUSED' },
      ],
      NOW,
    );
    expect(text.split('\n')).toEqual([
      'NODE   STATE       BACKEND   DEVICE      MTU    PODS            PEERS   LAST REPAIR',
      'h1     ready       vxlan     flannel.1   1450   10.244.0.0/24   1/2     90 s ago: route after an event',
      'h2     no answer   -         -           -      -               -       -',
      '',
      'FROM   TO   STATE     SMALL               FULL SIZE   PROBED',
      'h1     h2   reached   0.42 ms, 5 % lost   -           3 s ago',
      'h1     h3   broken    35 % lost           -           3 s ago',
      '',
      'h1: a route is in the way',
      'h2: its agent gives no answer: connect ECONNREFUSED',
    ]);
  });
});

describe('the matrix of kadm network check', () => {
  const rows = [
    row('h1', { h2: 'ok', h3: 'small' }),
    row('h2', { h1: 'ok', h3: 'lost' }, { dns: { ...LOST, error: 'queryA ETIMEOUT' } }),
    { node: 'h3', error: 'its pod does not run: no network' },
  ];

  it('has a line a node', () => {
    expect(describeCheck({ rows, broken: [] }).split('\n').slice(0, 4)).toEqual([
      'FROM \\ TO   h1          h2          h3           SERVICE     DNS',
      'h1          -           0.50 ms     SMALL ONLY   ok          ok',
      'h2          0.50 ms     -           LOST         ok          FAILED',
      'h3          not tried   not tried   -            not tried   not tried',
    ]);
  });

  it('names each broken pair once, and what else failed', () => {
    expect(brokenPairs(rows, [])).toEqual([
      { from: 'h1', to: 'h3', family: 'IPv4', what: 'no packet of 1450 bytes passes between their pods' },
      { from: 'h2', to: 'h3', family: 'IPv4', what: 'no packet passes between their pods' },
      { from: 'h2', to: '', what: 'DNS gives no answer: queryA ETIMEOUT' },
      { from: 'h3', to: '', what: 'its pod does not run: no network' },
    ]);
    expect(brokenPairs([row('h1', { h2: 'lost' }), row('h2', { h1: 'lost' })], [])).toHaveLength(1);
  });

  it('names a CNI configuration of somebody else where a pod does not run', () => {
    const host = { ...STATUS.host, competingCni: ['00-a.conflist'] };
    const failed = [{ node: 'h1', error: 'its pod does not run: no network' }];
    expect(brokenPairs(failed, [{ ...REPORT, status: { ...STATUS, host } }])).toEqual([
      {
        from: 'h1',
        to: '',
        what: 'its pod does not run: no network',
        cause: { kind: 'competing-cni', text: expect.stringContaining('/etc/cni/net.d/00-a.conflist') },
      },
    ]);
  });

  it('does not say that pods reach each other where there is one', () => {
    expect(describeCheck({ rows: [row('h1', {})], broken: [] })).toContain('there is no other node to try');
  });

  it('prints the cause below the pair', () => {
    const cause = { kind: 'mtu', text: 'the network has a smaller MTU' } as const;
    const broken = [{ from: 'h1', to: 'h3', what: 'lost', cause }];
    expect(describeCheck({ rows, broken })).toContain(
      'h1 - h3: lost\n  likely cause (mtu): the network has a smaller MTU',
    );
  });
});

describe('the nodes of kadm network check', () => {
  const reports: NodeReport[] = ['h1', 'h2'].map((node) => ({ ...REPORT, node }));

  it('are all, or those that are named, each once', () => {
    expect(wantedNodes(reports, undefined)).toEqual(['h1', 'h2']);
    expect(wantedNodes(reports, ['h2', 'h2'])).toEqual(['h2']);
  });

  it('are at least one, and known', () => {
    expect(() => wantedNodes(reports, [])).toThrow('--nodes names no node');
    expect(() => wantedNodes(reports, ['h3'])).toThrow('--nodes: there is no node h3');
  });
});
