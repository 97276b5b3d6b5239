import { describe, expect, test } from 'vitest';
import { backoffMs } from '../../../src/kube/backoff.ts';

const LIMITS = { firstMs: 100, maxMs: 1000 };

describe('the pause before another try', () => {
  test('doubles up to its bound', () => {
    expect([0, 1, 2, 3, 4, 50].map((attempt) => backoffMs(attempt, LIMITS, 1))).toEqual([
      100, 200, 400, 800, 1000, 1000,
    ]);
  });

  test('is spread over the upper half', () => {
    expect([0, 0.5, 1].map((random) => backoffMs(2, LIMITS, random))).toEqual([200, 300, 400]);
  });

  test('stays within its bound after a week of failures', () => {
    expect(backoffMs(1_000_000, LIMITS, 1)).toBe(1000);
  });
});
