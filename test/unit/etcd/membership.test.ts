import { describe, expect, it } from 'vitest';
import type { Member } from '../../../src/etcd/client.ts';
import { initialCluster, joining, leaving, quorum } from '../../../src/etcd/membership.ts';

const url = (host: string): string => `https://${host}:2380`;

function member(host: string, changes: Partial<Member> = {}): Member {
  return { ID: host, name: host, peerURLs: [url(host)], clientURLs: [], isLearner: false, ...changes };
}

const [h1, h2, h3] = [member('h1'), member('h2'), member('h3')];

describe('quorum', () => {
  it('is more than half', () => {
    expect([1, 2, 3, 4, 5].map(quorum)).toEqual([1, 2, 2, 3, 3]);
  });
});

describe('joining', () => {
  it('adds a host that is no member', () => {
    expect(joining([h1, h2], url('h3'), false)).toEqual({ step: 'add' });
  });

  it('goes on with one that was announced and never started, or has its data', () => {
    const announced = member('h3', { name: '', isLearner: true });
    expect(joining([h1, announced], url('h3'), false)).toEqual({ step: 'go-on', member: announced });
    expect(joining([h1, h3], url('h3'), true)).toEqual({ step: 'go-on', member: h3 });
  });

  it('replaces one whose data is gone', () => {
    expect(joining([h1, h3], url('h3'), false)).toEqual({ step: 'replace', member: h3 });
  });
});

describe('initialCluster', () => {
  it('names all members, and the host itself as it will be called', () => {
    const announced = member('h3', { name: '', isLearner: true });
    expect(initialCluster([h1, announced], url('h3'), 'rack-3')).toBe(
      'h1=https://h1:2380,rack-3=https://h3:2380',
    );
  });
});

describe('leaving', () => {
  const isH3 = ({ name }: Member): boolean => name === 'h3';
  const well = (...members: Member[]): Set<string> => new Set(members.map(({ ID }) => ID));

  it('has nothing to leave where the host is no member, or the only one', () => {
    expect(leaving([h1, h2], isH3, well(h1, h2))).toEqual({ kind: 'nothing' });
    expect(leaving([h3], isH3, well(h3))).toEqual({ kind: 'nothing' });
  });

  it('leaves where those that stay can go on alone', () => {
    expect(leaving([h1, h2, h3], isH3, well(h1, h2, h3))).toEqual({ kind: 'leave', member: h3 });
    expect(leaving([h1, h3], isH3, well(h1, h3))).toEqual({ kind: 'leave', member: h3 });
    // The one that leaves need not be well.
    expect(leaving([h1, h2, h3], isH3, well(h1, h2))).toEqual({ kind: 'leave', member: h3 });
  });

  it('would break the cluster where too few of those that stay are well', () => {
    expect(leaving([h1, h2, h3], isH3, well(h2, h3))).toEqual({
      kind: 'would-break',
      member: h3,
      unwell: [h1],
      left: 2,
    });
  });

  it('takes out a learner whatever the others are: it has no vote', () => {
    const learner = member('h3', { isLearner: true });
    expect(leaving([h1, h2, learner], isH3, well())).toEqual({ kind: 'leave', member: learner });
    expect(leaving([h1, member('h2', { isLearner: true }), h3], isH3, well(h1))).toMatchObject({
      kind: 'leave',
    });
  });
});
