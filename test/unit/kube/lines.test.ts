import { describe, expect, test } from 'vitest';
import { readLines } from '../../../src/kube/lines.ts';

async function* bytes(text: string, size: number): AsyncGenerator<Uint8Array> {
  const all = Buffer.from(text);
  for (let start = 0; start < all.length; start += size) yield all.subarray(start, start + size);
}

async function linesOf(text: string, size: number, maxBytes = 100): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of readLines(bytes(text, size), maxBytes)) lines.push(line);
  return lines;
}

describe('the lines of a stream', () => {
  test.each([1, 2, 3, 7, 1000])('are the same when it comes in pieces of %i bytes', async (size) => {
    expect(await linesOf('één\n\ntwee 漢字\nlast', size)).toEqual(['één', 'twee 漢字', 'last']);
  });

  test('are none of nothing', async () => {
    expect(await linesOf('', 1)).toEqual([]);
    expect(await linesOf('\n\n', 1)).toEqual([]);
  });

  test('end with an error when one is longer than allowed, before it is all in memory', async () => {
    await expect(linesOf('x'.repeat(1000), 10, 50)).rejects.toThrow('a line of more than 50 bytes');
    expect(await linesOf('x\n'.repeat(1000), 10, 50)).toHaveLength(1000);
  });
});
