import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UserError } from '../../../src/errors.ts';
import { onEachHost, throwFailures } from '../../../src/fleet/hosts.ts';
import type { Emit } from '../../../src/phases/events.ts';

const options = { emit: () => {}, verb: 'test' };

let state: string;
beforeEach(async () => {
  state = await mkdtemp(`${tmpdir()}/kadm-state-`);
  vi.stubEnv('XDG_STATE_HOME', state);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(state, { recursive: true });
});

describe('onEachHost', () => {
  it('works on all at once, and one that fails holds up no other', async () => {
    const results = await onEachHost(['a', 'b', 'c'], options, async (host) => {
      if (host === 'a') throw new UserError('a is down');
      await sleep(10);
    });
    expect(results.map(({ host, ok }) => [host, ok])).toEqual([
      ['a', false],
      ['b', true],
      ['c', true],
    ]);
  });

  it('waits for none that hangs before the others are done', async () => {
    const othersAreDone = Promise.withResolvers<void>();
    let done = 0;
    const results = await onEachHost(['a', 'b', 'c'], options, async (host) => {
      if (host === 'a') await othersAreDone.promise;
      else if (++done === 2) othersAreDone.resolve();
    });
    expect(results.every(({ ok }) => ok)).toBe(true);
  });

  it('keeps to the number that may run at once', async () => {
    let now = 0;
    let most = 0;
    await onEachHost(['a', 'b', 'c', 'd'], { ...options, concurrency: 2 }, async () => {
      now += 1;
      most = Math.max(most, now);
      await sleep(5);
      now -= 1;
    });
    expect(most).toBe(2);
  });
});

describe('the log of a host', () => {
  const told = async (_: string, emit: Emit): Promise<never> => {
    emit({ type: 'progress', path: ['x'], message: 'hard at work\u001b[2J' });
    emit({ type: 'result', path: [], result: { token: 'secret' } });
    throw new UserError('no more disk');
  };

  it('is kept of those that failed among several, on one line each and without results', async () => {
    const [first] = await onEachHost(['a', 'b'], options, told);
    const log = first?.ok === false ? (first.log ?? '') : '';
    expect(log).toMatch(/\/kadm\/logs\/[^/]+-test-\d+\/a\.log$/);
    const lines = (await readFile(log, 'utf8')).trim().split('\n');
    expect(lines.map((line) => line.replace(/^\S+ /, ''))).toEqual([
      String.raw`x progress hard at work\u001b[2J`,
      'failed: no more disk',
    ]);
  });

  it('is not kept of a single host: all was shown', async () => {
    expect(await onEachHost(['a'], options, told)).toMatchObject([{ ok: false, log: undefined }]);
    expect(await readdir(state)).toEqual([]);
  });
});

describe('throwFailures', () => {
  it.each([
    ['some are done', [undefined, 3], 4],
    ['none is done, for one kind of reason', [3, 3], 3],
    ['none is done, for different reasons', [3, 2], 1],
  ] as const)('says by its exit code that %s', (_, codes, exitCode) => {
    const results = codes.map((code, index) =>
      code === undefined
        ? ({ host: `h${index}`, ok: true, ms: 1, note: undefined } as const)
        : ({
            host: `h${index}`,
            ok: false,
            ms: 1,
            error: new UserError('down', { exitCode: code }),
            log: undefined,
          } as const),
    );
    expect(() => throwFailures(results, 'join')).toThrow(expect.objectContaining({ exitCode }));
  });

  it('throws the error itself for a single host, and a summary for several', async () => {
    const down = new UserError('a is down', { remedy: 'switch it on', exitCode: 3 });
    const bad = { host: 'a', ok: false, ms: 1, error: down, log: '/l/a.log' } as const;
    const good = { host: 'b', ok: true, ms: 1, note: undefined } as const;
    expect(() => throwFailures([good], 'join')).not.toThrow();
    expect(() => throwFailures([bad], 'join')).toThrow(down);
    expect(() => throwFailures([bad, good], 'join')).toThrow(
      /join: 1 of 2 hosts failed:\n {2}a {2}failed +0\.0 s {2}a is down\n +switch it on\n +log: \/l\/a\.log\n {2}b {2}done/,
    );
  });
});
