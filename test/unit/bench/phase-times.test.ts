import { describe, expect, test } from 'vitest';
import { criticalPath, phaseTimes } from '../../bench/phase-times.ts';

const line = (seconds: number, event: object): string =>
  JSON.stringify({ version: 1, time: new Date(1_700_000_000_000 + seconds * 1000).toISOString(), ...event });

const RUN = [
  line(0, { type: 'plan', path: [], steps: [] }),
  line(0, { type: 'started', path: ['certs'] }),
  line(0.5, { type: 'progress', path: ['certs'], message: 'the CA' }),
  line(1, { type: 'finished', path: ['certs'], ms: 1000 }),
  line(1, { type: 'skipped', path: ['network'], reason: 'as asked' }),
  line(1, { type: 'started', path: ['join'] }),
  line(2, { type: 'started', path: ['join', 'kubelet'] }),
  line(3, { type: 'finished', path: ['join', 'kubelet'], ms: 1000 }),
  line(4, { type: 'finished', path: ['join'], ms: 3000 }),
].join('\n');

describe('the times of the phases', () => {
  test('count from the first event, without skipped phases and without steps of phases', () => {
    expect(phaseTimes(RUN)).toEqual([
      { id: 'certs', start: 0, end: 1 },
      { id: 'join', start: 1, end: 4 },
    ]);
  });

  test('are not disturbed by lines that are not events', () => {
    expect(phaseTimes(`Welcome to h1\n${RUN}\n`)).toHaveLength(2);
  });
});

describe('the critical path', () => {
  const phases = [
    { id: 'preflight', needs: [] },
    { id: 'certs', needs: ['preflight'] },
    { id: 'runtime', needs: ['preflight'] },
    { id: 'kubelet', needs: ['certs', 'runtime'] },
    { id: 'docs', needs: ['certs'] },
  ];

  test('goes from the last phase back through the need that finished last', () => {
    const times = [
      { id: 'preflight', start: 0, end: 1 },
      { id: 'certs', start: 1, end: 2 },
      { id: 'runtime', start: 1, end: 3 },
      { id: 'kubelet', start: 3, end: 6 },
      { id: 'docs', start: 2, end: 5 },
    ];
    expect(criticalPath(times, phases).map(({ id }) => id)).toEqual(['preflight', 'runtime', 'kubelet']);
  });

  test('passes over needs that were skipped', () => {
    const times = [
      { id: 'certs', start: 0, end: 2 },
      { id: 'kubelet', start: 2, end: 6 },
    ];
    expect(criticalPath(times, phases).map(({ id }) => id)).toEqual(['certs', 'kubelet']);
  });

  test('of a run without phases is empty', () => {
    expect(criticalPath([], phases)).toEqual([]);
  });
});
