import { expect, it } from 'vitest';
import { memoryIn } from '../../bench/agent-cost.ts';
import { percentile } from '../../bench/statistics.ts';

it('memory is summed up by where it lies', () => {
  const smaps = [
    '00400000-02000000 r-xp 00000000 fe:00 12                         /usr/local/bin/kadm',
    'Size:              28672 kB',
    'Rss:               20000 kB',
    '03000000-03400000 rw-p 00000000 00:00 0                          [heap]',
    'Rss:                4000 kB',
    '7f0000000000-7f0000200000 rw-p 00000000 00:00 0 ',
    'Rss:                2000 kB',
    '7f0000400000-7f0000600000 r-xp 00000000 fe:00 34                 /usr/lib/x86_64-linux-gnu/libc.so.6',
    'Rss:                1000 kB',
  ].join('\n');
  expect(memoryIn(smaps)).toEqual({
    total: 27.648,
    program: 20.48,
    heap: 4.096,
    anonymous: 2.048,
    libraries: 1.024,
  });
});

it('a percentile is one of the figures', () => {
  const figures = Array.from({ length: 200 }, (_, index) => 200 - index);
  expect([percentile(figures, 0.5), percentile(figures, 0.99), percentile(figures, 1)]).toEqual([
    100, 198, 200,
  ]);
  expect(() => percentile([], 0.5)).toThrow();
});
