import { expect, test } from 'vitest';
import { patienceFor } from '../../../src/fleet/probe.ts';

test.each([
  [0, 2, 12_000],
  [2, 2, 12_000],
  [6, 2, 36_000],
  [104, 2, 120_000],
])('with a load of %d on %d processors a node is waited for %d ms', (load, processors, expected) => {
  expect(patienceFor(load, processors)).toBe(expected);
});
