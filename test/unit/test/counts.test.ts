import { expect, test } from 'vitest';
import { add, countsOf, lastLine, NOTHING } from '../../counts.ts';

const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((one) => ({ status: one })),
});

function report(numbers: { passed?: number; failed?: number; pending?: number }, files: object[]): object {
  return {
    numPassedTests: numbers.passed ?? 0,
    numFailedTests: numbers.failed ?? 0,
    numPendingTests: numbers.pending ?? 0,
    numTodoTests: 0,
    testResults: files,
  };
}

test('counts what passed, failed and was skipped', () => {
  const files = [file('passed', 'passed', 'skipped'), file('failed', 'failed', 'passed')];
  const counts = countsOf(report({ passed: 2, failed: 1, pending: 1 }, files), 1);
  expect(counts).toEqual({ passed: 2, failed: 1, skipped: 1 });
});

test('a file whose hook failed is a failure, though none of its tests is', () => {
  const files = [file('failed', 'skipped', 'skipped'), file('failed')];
  expect(countsOf(report({ pending: 2 }, files), 1)).toEqual({ passed: 0, failed: 2, skipped: 2 });
});

test('a run that ended badly without a failed test is a failure', () => {
  expect(countsOf(report({ passed: 1 }, [file('passed', 'passed')]), 1).failed).toBe(1);
});

test('a run without a report is a failure, whatever its exit code', () => {
  expect(countsOf(undefined, 0)).toEqual({ ...NOTHING, failed: 1 });
});

test('the last line names the skipped only when there are any', () => {
  const sum = add({ passed: 1, failed: 0, skipped: 0 }, { passed: 2, failed: 1, skipped: 0 });
  expect(lastLine(sum)).toBe('3 passed, 1 failed');
  expect(lastLine(add(sum, { ...NOTHING, skipped: 4 }))).toBe('3 passed, 1 failed, 4 skipped');
});
