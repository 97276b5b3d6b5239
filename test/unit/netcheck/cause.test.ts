import { describe, expect, it } from 'vitest';
import type { AgentStatus } from '../../../src/agent/status.ts';
import { type CauseKind, likelyCause, type PairEvidence } from '../../../src/netcheck/cause.ts';

const LOST = { sent: 40, answered: 0 };
const FOUND = { sent: 40, answered: 40 };
const SERIES = { sent: 1, loss: 0, lostInRow: 0 };

type Wish = Partial<Omit<AgentStatus, 'host'>> & {
  readonly counters?: Record<string, number>;
  readonly host?: Partial<AgentStatus['host']>;
};

function status(node: string, peer: string, { counters, host, ...wish }: Wish = {}): AgentStatus {
  return {
    node,
    backend: 'vxlan',
    mtu: 1450,
    networks: [
      {
        family: 'IPv4',
        device: 'flannel.1',
        podCidr: node === 'a' ? '10.244.1.0/24' : '10.244.2.0/24',
        received: counters?.received ?? 100,
        sent: 100,
      },
      {
        family: 'IPv6',
        device: 'flannel-v6.1',
        podCidr: node === 'a' ? 'fd00:10:244:1::/64' : 'fd00:10:244:2::/64',
        received: 0,
        sent: 0,
      },
    ],
    peers: { wanted: 1, installed: 1 },
    ready: true,
    conflicts: [],
    warnings: [],
    refusals: [],
    probes: [{ node: peer, family: 'IPv4', state: 'broken', small: SERIES, full: SERIES }],
    host: {
      competingCni: [],
      strictReversePath: [],
      counters: { reversePathDrops: 0, checksumErrors: 0, ...counters },
      ...host,
    },
    ...wish,
  };
}

interface Case {
  readonly a?: Wish;
  readonly b?: Wish;
  /** Counters after the burst. */
  readonly aAfter?: Record<string, number>;
  readonly bAfter?: Record<string, number>;
  readonly burst?: PairEvidence['burst'];
  readonly podAddresses?: PairEvidence['podAddresses'];
}

function evidence({ a, b, aAfter, bAfter, burst, podAddresses }: Case): PairEvidence {
  return {
    from: 'a',
    to: 'b',
    family: 'IPv4',
    port: 8472,
    before: { from: status('a', 'b', a), to: status('b', 'a', b) },
    after: {
      from: status('a', 'b', { ...a, counters: { ...a?.counters, ...aAfter } }),
      to: status('b', 'a', { ...b, counters: { ...b?.counters, ...bAfter } }),
    },
    burst: burst ?? { small: LOST, full: LOST },
    podAddresses: podAddresses ?? { from: [], to: [] },
  };
}

describe('the likely cause', () => {
  it.each<[CauseKind, RegExp, Case]>([
    ['blocked-udp', /what a sends does not arrive at b: UDP port 8472/, {}],
    ['blocked-udp', /what b answers does not arrive at a/, { bAfter: { received: 180 } }],
    // Some other traffic arrives all the time.
    ['blocked-udp', /does not arrive at b/, { bAfter: { received: 110 } }],
    [
      'rp-filter',
      /b drops packets by strict reverse path filtering \(rp_filter=1 on eth0\)/,
      {
        b: { host: { strictReversePath: ['eth0'] } },
        bAfter: { reversePathDrops: 80 },
      },
    ],
    ['rp-filter', /a drops/, { bAfter: { received: 180 }, aAfter: { reversePathDrops: 80 } }],
    ['checksum-offload', /on a: ethtool -K flannel.1/, { bAfter: { checksumErrors: 60 } }],
    ['mtu', /those of 1450 bytes do not/, { burst: { small: FOUND, full: LOST } }],
    ['competing-cni', /on b .*00-aaa.conflist/, { b: { host: { competingCni: ['00-aaa.conflist'] } } }],
    ['competing-cni', /such as 10.88.0.3/, { podAddresses: { from: ['10.88.0.3'], to: ['10.244.2.7'] } }],
    [
      'missing-route',
      /a has no route to the pods of b: another program/,
      {
        a: { conflicts: ['another program’s route to 10.244.2.0/24 by eth1 is in the way'] },
      },
    ],
    ['missing-route', /b has no route to the pods of a/, { b: { probes: [] } }],
    [
      'left-out',
      /b leaves Node a out of the network: its VNI/,
      {
        b: { refusals: [{ node: 'a', reason: 'its VNI is 7, not 1' }] },
      },
    ],
    [
      'forwarding',
      /chain FORWARD/,
      {
        burst: { small: FOUND, full: FOUND },
        podAddresses: { from: ['10.244.1.5', 'fd00:10:244:1::5'], to: ['10.244.2.7'] },
      },
    ],
    ['unknown', /tcpdump/, { bAfter: { received: 180 }, aAfter: { received: 180 } }],
  ])('is %s: %s', (kind, text, wish) => {
    expect(likelyCause(evidence(wish))).toEqual({ kind, text: expect.stringMatching(text) });
  });

  it('is sought in the family that is broken', () => {
    const wish = evidence({ bAfter: { received: 180 }, aAfter: { received: 180 } });
    expect(likelyCause({ ...wish, family: 'IPv6' })).toMatchObject({
      kind: 'missing-route',
      text: expect.stringMatching(/a has no route/),
    });
    const probed = (one: AgentStatus | undefined): AgentStatus | undefined =>
      one && { ...one, probes: one.probes.map((probe) => ({ ...probe, family: 'IPv6' as const })) };
    const before = { from: probed(wish.before.from), to: probed(wish.before.to) };
    // Of IPv4 much has arrived, of IPv6 nothing.
    expect(likelyCause({ ...wish, before, family: 'IPv6' })).toMatchObject({ kind: 'blocked-udp' });
  });

  it('is not sought behind an agent that gives no answer', () => {
    const { before, ...rest } = evidence({});
    expect(likelyCause({ ...rest, before: { ...before, to: undefined } })).toMatchObject({ kind: 'agent' });
  });
});
