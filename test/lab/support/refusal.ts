import { expect } from 'vitest';
import type { ExitCode } from '../../../src/errors.ts';
import type { LabHost } from '../../../src/lab/lab-host.ts';
import { differences, type HostSnapshot, snapshotHost } from '../host-snapshot.ts';

/** How kadm says no: one line on what is wrong, and at most one on what to do. */
export interface Refusal {
  readonly exitCode: ExitCode;
  /** The whole of the line, without `kadm: `. */
  readonly line: string | RegExp;
  /** Of the line that follows, when something is to follow. */
  readonly remedy?: string | RegExp;
}

/** Runs kadm on a host, and expects nothing else from it than this refusal. */
export async function expectRefusal(host: LabHost, argv: readonly string[], refusal: Refusal): Promise<void> {
  const result = await host.exec(argv, { allowFailure: true, timeoutMs: 120_000 });
  // Where there were phases, their progress comes first.
  const said = result.stderr.split('\n').filter((text) => text !== '' && !text.startsWith('['));
  const [line, remedy, ...more] = said;
  expect(line).toMatch(asPattern(refusal.line, 'kadm: '));
  if (refusal.remedy === undefined) expect(remedy).toBeUndefined();
  else expect(remedy).toMatch(asPattern(refusal.remedy, '      '));
  expect(more).toEqual([]);
  expect({ exitCode: result.exitCode, stdout: result.stdout }).toEqual({
    exitCode: refusal.exitCode,
    stdout: '',
  });
}

function asPattern(wanted: string | RegExp, prefix: string): RegExp {
  const source = typeof wanted === 'string' ? wanted.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : wanted.source;
  return new RegExp(`^${prefix}${source}$`);
}

/** What a running cluster does not change by itself. */
const STEADY: readonly string[] = ['contents', 'unitFiles', 'links', 'routes', 'sysctls'];

/** A look at a host, to say later that nothing has changed on it. */
export class Watch {
  readonly #host: LabHost;
  readonly #before: HostSnapshot;

  private constructor(host: LabHost, before: HostSnapshot) {
    this.#host = host;
    this.#before = before;
  }

  static async begin(host: LabHost): Promise<Watch> {
    return new Watch(host, await snapshotHost(host));
  }

  /** @param state `running` leaves out what a cluster that runs there changes all the time */
  async changes(state: 'bare' | 'running' = 'bare'): Promise<string[]> {
    const all = differences(this.#before, await snapshotHost(this.#host));
    return state === 'bare' ? all : all.filter((line) => STEADY.includes(line.split(' ')[0] ?? ''));
  }
}
