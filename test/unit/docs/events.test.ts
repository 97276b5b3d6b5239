import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { EVENT_VERSION, type Event, eventLine, eventLineSchema } from '../../../src/phases/events.ts';

const text = readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8');
const documented: unknown = JSON.parse(/```json\n(.*?)\n```/s.exec(text)?.[1] ?? '');
const schema = z.fromJSONSchema(documented as Parameters<typeof z.fromJSONSchema>[0]);

/** One of each type, with all that it may carry. */
const EVENTS: Event[] = [
  { type: 'plan', path: [], steps: [{ id: 'certs', title: 'Make the certificates' }] },
  { type: 'started', path: ['root@h2', 'certs'] },
  { type: 'progress', path: ['certs'], message: 'ca' },
  { type: 'warning', path: ['preflight'], message: '[Swap] swap is on' },
  { type: 'finished', path: ['certs'], ms: 12, note: 'new' },
  { type: 'skipped', path: ['network'], reason: 'as asked' },
  { type: 'failed', path: [], ms: 3, message: 'no', remedy: 'yes' },
  { type: 'result', path: [], result: { joinCommand: { endpoint: 'h1:6443' } } },
];

describe('the schema in docs/events.md', () => {
  it('is that of the code', () => {
    const ofCode = z.toJSONSchema(eventLineSchema, {
      io: 'input',
      override: ({ jsonSchema }) => {
        // The name of a format says more than the pattern that spells it out.
        if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
      },
    });
    expect(documented).toEqual(ofCode);
  });

  it.each(EVENTS.map((event) => [event.type, event] as const))('takes %s', (_, event) => {
    expect(schema.safeParse(eventLine(event, new Date())).error).toBeUndefined();
  });

  it.each([
    ['without a version', { version: undefined }],
    ['of another version', { version: EVENT_VERSION + 1 }],
    ['whose time is none', { time: 'noon' }],
    ['of an unknown type', { type: 'ended' }],
    ['whose path is none', { path: 'certs' }],
    ['without how long it took', { ms: undefined }],
  ])('refuses a line %s', (_, change) => {
    const line = { ...eventLine({ type: 'finished', path: [], ms: 1 }, new Date()), ...change };
    expect(schema.safeParse(JSON.parse(JSON.stringify(line))).success).toBe(false);
  });

  it('is beside a table that names each type, and each of its fields', () => {
    const rows = new Map(
      [...text.matchAll(/^\| `(\w+)` +\|([^|]*)\|/gm)].map(([, type = '', fields = '']) => [type, fields]),
    );
    for (const { type, path: _, ...fields } of EVENTS) {
      for (const field of Object.keys(fields)) expect(rows.get(type), type).toContain(`\`${field}\``);
    }
  });
});
