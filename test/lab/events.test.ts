import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { RunResult } from '../../src/host/command.ts';
import { initPhases } from '../../src/init/index.ts';
import { joinPhases } from '../../src/join/index.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { type EventLine, eventLineSchema } from '../../src/phases/events.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';

/* What `--output json` prints of real runs, against the schema that docs/events.md shows. */
const LAB = 'test-events';

const joinCommand = z.strictObject({
  endpoint: z.string().regex(/^[\d.]+:6443$/),
  token: z.string().regex(/^[a-z0-9]{6}\.[a-z0-9]{16}$/),
  caCertHash: z.string().regex(/^sha256:[0-9a-f]{64}$/),
});

let lab: Lab;
let documented: z.ZodType;
let command: z.infer<typeof joinCommand>;

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 2);
  const page = await readFile(new URL('../../docs/events.md', import.meta.url), 'utf8');
  const schema: unknown = JSON.parse(/```json\n(.*?)\n```/s.exec(page)?.[1] ?? '');
  documented = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
});

afterAll(async () => {
  await removeLab(LAB);
});

async function run(host: string, ...argv: string[]): Promise<RunResult & { lines: EventLine[] }> {
  const result = await lab.host(host).exec(['kadm', ...argv, '--output', 'json'], {
    timeoutMs: 300_000,
    allowFailure: true,
  });
  const lines = result.stdout
    .trim()
    .split('\n')
    .map((text) => lineOf(text));
  return { ...result, lines };
}

/** A line that the document's schema takes, and that has no field which it does not know. */
function lineOf(text: string): EventLine {
  const line: unknown = JSON.parse(text);
  expect(documented.safeParse(line).error, text).toBeUndefined();
  expect(eventLineSchema.parse(line)).toEqual(line);
  return line as EventLine;
}

/** Each phase with how it ended, in the order of the plan. */
function ends(lines: readonly EventLine[]): string[] {
  const plan = lines.flatMap((line) => (line.type === 'plan' && line.path.length === 0 ? line.steps : []));
  return plan.map(({ id }) => {
    const own = lines.filter(({ path }) => path.length === 1 && path[0] === id).map(({ type }) => type);
    return `${id} ${own[0]} ${own.at(-1)}`;
  });
}

test('of init: each phase with its time, and the parts of the join command', async () => {
  const { exitCode, stderr, lines } = await run('h1', 'init');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  // Nothing is said of the upload that nobody asked for.
  const phases = initPhases.filter(({ id }) => id !== 'upload-certs');
  expect(ends(lines)).toEqual(phases.map(({ id }) => `${id} started finished`));
  const result = lines.find((line) => line.type === 'result');
  command = joinCommand.parse(result?.type === 'result' ? result.result.joinCommand : undefined);
  expect(lines.at(-1)).toMatchObject({ type: 'finished', path: [], ms: expect.any(Number) });
  // A phase takes no longer than the whole.
  const times = lines.flatMap((line) => (line.type === 'finished' ? [line.ms] : []));
  expect(Math.max(...times)).toBe(times.at(-1));
});

test('of a run that fails: why, what to do, and that it has ended', async () => {
  const { exitCode, stderr, lines } = await run('h1', 'init');
  expect({ exitCode, stderr }).toEqual({ exitCode: 3, stderr: '' });
  expect(ends(lines)[0]).toBe('preflight started failed');
  expect(lines.at(-1)).toMatchObject({
    type: 'failed',
    path: [],
    message: expect.stringMatching(
      /^this host is already a control plane \(node h1\).*; nothing was changed$/s,
    ),
    remedy: 'to start anew, run `kadm reset` first',
  });
});

test('of a join with just these parts: a phase that was skipped, a warning', async () => {
  const { endpoint, token, caCertHash } = command;
  const flags = ['--token', token, '--discovery-token-ca-cert-hash', caCertHash];
  // Something listens where the kubelet will: only a warning, as asked.
  await lab
    .host('h2')
    .exec(['systemd-run', '--unit=taker', 'socat', 'TCP-LISTEN:10248,bind=127.0.0.2', 'STDOUT']);
  const ignored = ['--ignore-preflight-errors', 'Port-10248', '--skip-phases', 'other-images'];
  const { exitCode, lines } = await run('h2', 'join', endpoint, ...flags, ...ignored);
  expect(exitCode).toBe(0);
  expect(ends(lines)).toEqual(
    joinPhases.map(({ id }) => (id === 'other-images' ? `${id} skipped skipped` : `${id} started finished`)),
  );
  expect(lines).toContainEqual(
    expect.objectContaining({
      type: 'warning',
      path: ['preflight'],
      message: expect.stringContaining('10248'),
    }),
  );
  expect(lines).toContainEqual(
    expect.objectContaining({ type: 'result', path: [], result: { nodeName: 'h2', network: true } }),
  );
});

test('of many hosts: the path names the host, and each run there has one end', async () => {
  const { exitCode, lines } = await run('h1', 'reset', '--force', '--ssh', 'root@h2');
  expect(exitCode).toBe(0);
  const ended = lines.filter(({ type, path }) => type === 'finished' && path.join('/') === 'root@h2');
  expect(ended).toHaveLength(1);
  expect(lines.some(({ path }) => path.join('/') === 'root@h2/undo-changes')).toBe(true);
  expect(lines.at(-1)).toMatchObject({ type: 'finished', path: [] });
});
