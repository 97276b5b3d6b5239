import { describe, expect, test } from 'vitest';
import { secondsIn } from '../../bench/processor-time.ts';
import { clusterSection, initSection, joinsSection, withSections } from '../../bench/report.ts';
import { median } from '../../bench/statistics.ts';

const MACHINE = { date: '2026-11-21', kadm: '0.1.0', cores: 2, processor: 'x', memoryGiB: 24, kernel: '6.1' };

describe('the median', () => {
  test('is the middle one, whatever the order', () => expect(median([9, 1, 5])).toBe(5));
  test('is the mean of two in the middle', () => expect(median([4, 1, 2, 100])).toBe(3));
  test('of nothing is a bug', () => expect(() => median([])).toThrow('nothing'));
});

test('the processor time of a process is its own, whatever it is called', () => {
  const rest = Array.from({ length: 30 }, (_, index) => index);
  expect(secondsIn(`7 (a) b) S ${rest.join(' ')}`)).toBe((10 + 11) / 100);
});

test('the section about joins has what a worker costs, and the share of kadm', () => {
  const run = { workers: 2, ready: 2, seconds: 5, command: 1, joins: 2, agents: 1, machine: 8 };
  const text = joinsSection([run, { ...run, workers: 20, ready: 19 }], MACHINE);
  expect(text).toContain('| Ready when it ends | 2 of 2 | 19 of 20 |');
  expect(text).toContain('| time a worker | 2.50 s | 0.25 s |');
  expect(text).toContain('| share of kadm in all CPU | 50 % | 50 % |');
});

describe('the section about init', () => {
  const phases = [
    { id: 'certs', needs: [] },
    { id: 'runtime', needs: [] },
    { id: 'kubelet', needs: ['certs', 'runtime'] },
  ];
  const text = initSection(
    {
      floor: [2, 2, 2],
      kubeadm: [10, 8, 12],
      kubeadmEcdsa: [8, 7, 9],
      kadm: [6, 5, 9],
      phases: [
        [
          { id: 'certs', start: 0, end: 1 },
          { id: 'runtime', start: 0, end: 2 },
          { id: 'kubelet', start: 2, end: 5.9 },
        ],
        [],
        [],
      ],
    },
    phases,
    MACHINE,
  );

  test('gives the ratios of the medians', () => {
    expect(text).toContain('| kadm / kubeadm | 0.60 |');
    expect(text).toContain('| kadm / kubeadm with ECDSA keys | 0.75 |');
    expect(text).toContain('| kadm / floor | 3.00 |');
  });

  test('shows the phases of the run in the middle, and what was critical in it', () => {
    expect(text).toContain('| certs | 0.00 s | 1.00 s | 1.00 s |');
    expect(text).toContain('| **runtime** | **0.00 s** | **2.00 s** | **2.00 s** |');
    expect(text).toContain('runtime → kubelet');
  });
});

test('the section about the cluster compares the times until traffic flows', () => {
  const run = (ready: number, traffic: number) => ({ ready, traffic });
  const text = clusterSection({ script: [run(9, 10)], kadm: [run(5, 5.5)] }, MACHINE);
  expect(text).toContain('| kadm / script | 0.55 | 0.6 |');
});

describe('writing sections into a document', () => {
  test('replaces those that are there, and leaves the others', () => {
    const document = '# Title\n\nIntro\n\n## One\n\nold\n\n## Two\n\nkept\n';
    expect(withSections(document, new Map([['One', 'new']]))).toBe(
      '# Title\n\nIntro\n\n## One\n\nnew\n\n## Two\n\nkept\n',
    );
  });

  test('adds those that are not', () => {
    expect(withSections('# Title\n', new Map([['One', 'text']]))).toBe('# Title\n\n## One\n\ntext\n');
  });
});
