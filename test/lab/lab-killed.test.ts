import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cacheDirectory } from '../../src/components/cache.ts';
import { ensureRootfs } from '../../src/lab/rootfs.ts';
import { bareLab, removeLab } from './bare-lab.ts';
import { type MachineSnapshot, takeSnapshot } from './machine-snapshot.ts';

const NAME = 'test-killed';
const RUNS = 8;
/** Longer than a whole `lab up` takes, so that some moments are late and some after its end. */
const LATEST_MS = 1_600;

describe('`lab up`, killed at a random moment', () => {
  let before: MachineSnapshot;

  beforeAll(async () => {
    await removeLab(NAME);
    await ensureRootfs({ cacheDirectory: cacheDirectory() });
    before = await takeSnapshot([NAME]);
  });
  afterAll(() => removeLab(NAME));

  test.each(moments(RUNS))('after %i ms: `lab down` brings the machine back', async (ms) => {
    await upKilledAfter(ms);
    await removeLab(NAME);
    expect(await takeSnapshot([NAME])).toEqual(before);
  });

  test.each(moments(3))('after %i ms: the same `lab up` again finishes the lab', async (ms) => {
    await upKilledAfter(ms);
    const lab = await bareLab(NAME, 2);
    for (const host of lab.hosts) {
      const { stdout } = await host.exec(['systemctl', 'is-system-running', '--wait']);
      expect(stdout).toBe('running\n');
    }
    const back = await lab.host('h1').exec(['ssh', '-o', 'BatchMode=yes', 'root@h2', 'hostname']);
    expect(back.stdout).toBe('h2\n');
    await removeLab(NAME);
    expect(await takeSnapshot([NAME])).toEqual(before);
  });
});

/** One random moment in each of `count` equal parts of the time. */
function moments(count: number): number[] {
  const part = LATEST_MS / count;
  return Array.from({ length: count }, (_, index) => Math.round((index + Math.random()) * part));
}

async function upKilledAfter(ms: number): Promise<void> {
  const loader = new URL('../template-loader.ts', import.meta.url).href;
  const script = new URL('./bare-lab.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', loader, script, NAME, '2'], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await sleep(ms);
  child.kill('SIGKILL');
  await ended;
}
