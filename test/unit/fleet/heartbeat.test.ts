import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { linesWithHeartbeat, withHeartbeat } from '../../../src/fleet/heartbeat.ts';

const BEAT_MS = 5;
const never = new AbortController().signal;

async function taken(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

describe('who writes lines with a heartbeat', () => {
  async function* slow(): AsyncGenerator<string> {
    yield 'first\n';
    await sleep(4 * BEAT_MS);
    yield 'second\n';
  }

  it('sends empty ones while there is nothing to say, and every line whole and once', async () => {
    const sent = await taken(withHeartbeat(slow(), BEAT_MS));
    expect(sent.filter((line) => line !== '\n')).toEqual(['first\n', 'second\n']);
    expect(sent.length).toBeGreaterThan(2);
  });

  it('fails as its source does', async () => {
    async function* broken(): AsyncGenerator<string> {
      yield 'first\n';
      throw new Error('no more of it');
    }
    await expect(taken(withHeartbeat(broken(), BEAT_MS))).rejects.toThrow('no more of it');
  });
});

describe('who reads lines with a heartbeat', () => {
  it('has them all, to the end of the input', async () => {
    const input = new PassThrough();
    input.end('a\n\nb\n');
    expect(await taken(linesWithHeartbeat(input, never))).toEqual(['a', '', 'b']);
  });

  it('waits as long as empty ones come, and not for one who has fallen silent', async () => {
    const input = new PassThrough();
    const beats = setInterval(() => input.write('\n'), BEAT_MS);
    const lines = linesWithHeartbeat(input, never, 4 * BEAT_MS);
    for (let heard = 0; heard < 10; heard += 1) expect((await lines.next()).value).toBe('');
    clearInterval(beats);
    await expect(taken(lines)).rejects.toThrow('whoever started this has said nothing for');
    expect(input.destroyed).toBe(true);
  });

  it('ends with the reason of its signal', async () => {
    const stop = new AbortController();
    const ended = taken(linesWithHeartbeat(new PassThrough(), stop.signal));
    stop.abort(new Error('interrupted'));
    await expect(ended).rejects.toThrow('interrupted');
  });
});
