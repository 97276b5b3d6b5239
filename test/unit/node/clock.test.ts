import { describe, expect, test } from 'vitest';
import { LocalHost } from '../../../src/host/host.ts';
import { clockNotBehind, clockOfCluster } from '../../../src/node/clock.ts';

const HOUR = 3_600_000;

describe('a clock beside the files of its host', () => {
  const host = new LocalHost();

  test('is right now', async () => {
    expect(await clockNotBehind(host).run()).toBeUndefined();
  });

  test('is behind when they are of the future', async () => {
    const problem = await clockNotBehind(host, () => Date.parse('2001-01-01')).run();
    expect(problem?.message).toMatch(/^the clock says 2001-01-01T00:00:00.000Z, but \S+ is of 20/);
    expect(problem?.bearable).toBeUndefined();
  });
});

describe('a clock beside that of the API server', () => {
  test.each([
    [0, undefined],
    [29_000, undefined],
    [-29_000, undefined],
    [45_000, 'the clock is 45 seconds ahead of that of the API server'],
    [-240_000, 'the clock is 4 minutes behind that of the API server'],
  ])('%d ms ahead can be lived with', async (ahead, message) => {
    const problem = await clockOfCluster(ahead).run();
    expect(problem?.message).toBe(message);
    expect(problem?.bearable).toBe(message === undefined ? undefined : true);
  });

  test.each([
    [24 * HOUR, 'the clock is 24 hours ahead of that of the API server'],
    [-400 * 24 * HOUR, 'the clock is 400 days behind that of the API server'],
    [301_000, 'the clock is 5 minutes ahead of that of the API server'],
  ])('%d ms ahead cannot', async (ahead, message) => {
    expect(await clockOfCluster(ahead).run()).toMatchObject({ message, bearable: false });
  });
});
