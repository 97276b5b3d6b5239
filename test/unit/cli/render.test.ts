import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { printable } from '../../../src/cli/printable.ts';
import { JsonRenderer } from '../../../src/cli/render-json.ts';
import { LineRenderer } from '../../../src/cli/render-lines.ts';
import { formatDuration } from '../../../src/cli/renderer.ts';
import type { Event } from '../../../src/phases/events.ts';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const EVENTS: Event[] = [
  { type: 'plan', path: [], steps: [{ id: 'certs', title: 'Make the certificates' }] },
  { type: 'started', path: ['certs'] },
  { type: 'progress', path: ['certs'], message: 'ca' },
  { type: 'finished', path: ['certs'], ms: 1234, note: 'new' },
  { type: 'skipped', path: ['other'], reason: 'as asked' },
];

describe('LineRenderer', () => {
  it('writes a line for each thing that happens', () => {
    const sink = new Sink();
    const renderer = new LineRenderer(sink);
    for (const event of EVENTS) renderer.emit(event);
    expect(sink.text).toBe(
      '[certs] Make the certificates\n[certs] ca\n[certs] done in 1.2 s: new\n[other] skipped: as asked\n',
    );
  });
});

describe('JsonRenderer', () => {
  it('writes a line of JSON an event, with version and time', () => {
    const sink = new Sink();
    const renderer = new JsonRenderer(sink);
    for (const event of EVENTS) renderer.emit(event);
    const lines = sink.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(EVENTS.length);
    expect(lines[3]).toMatchObject({ version: 1, type: 'finished', path: ['certs'], ms: 1234, note: 'new' });
    expect(Date.parse(lines[0].time)).not.toBeNaN();
  });
});

describe('text for a terminal', () => {
  it('cannot move its cursor or ring its bell', () => {
    expect(printable('a\u001b[2Jb\u0007c\u001b]0;title\u0007d\ne\tf')).not.toMatch(/(?![\n\t])\p{Cc}/u);
    expect(printable('plain\ntext')).toBe('plain\ntext');
  });

  it('shows durations', () => {
    expect(formatDuration(40)).toBe('0.0 s');
    expect(formatDuration(12_340)).toBe('12.3 s');
    expect(formatDuration(125_000)).toBe('2 min 5 s');
  });
});
