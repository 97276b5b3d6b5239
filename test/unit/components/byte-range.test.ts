import { expect, test } from 'vitest';
import { byteRange } from '../../../src/components/byte-range.ts';

test.each([
  ['bytes=0-', 100, { start: 0, end: 99 }],
  ['bytes=40-', 100, { start: 40, end: 99 }],
  ['bytes=40-49', 100, { start: 40, end: 49 }],
  ['bytes=40-4000', 100, { start: 40, end: 99 }],
  ['bytes=-10', 100, { start: 90, end: 99 }],
  ['bytes=-1000', 100, { start: 0, end: 99 }],
  ['bytes=99-99', 100, { start: 99, end: 99 }],
])('%s of %d bytes is a part', (header, size, range) => {
  expect(byteRange(header, size)).toEqual(range);
});

test.each(['bytes=100-', 'bytes=-0', 'bytes=999999-'])('%s of 100 bytes is outside', (header) => {
  expect(byteRange(header, 100)).toBe('unsatisfiable');
});

test.each([
  undefined,
  '',
  'bytes=-',
  'bytes=5-4',
  'bytes=0-1,3-4',
  'lines=0-1',
  'bytes=0x1-',
  `bytes=${'9'.repeat(99)}-`,
])('%s is no range, so that the whole file is the answer', (header) => {
  expect(byteRange(header, 100)).toBeUndefined();
});
