const NEWLINE = 0x0a;

/**
 * The lines of a stream of bytes, without empty ones. Text is decoded a whole line at a time, so that no
 * character is cut where chunks meet.
 * @throws Error when a line is longer than `maxBytes`
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<string> {
  let pending: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      pending.push(chunk.subarray(start, end));
      const line = Buffer.concat(pending).toString('utf8');
      pending = [];
      size = 0;
      start = end + 1;
      if (line !== '') yield line;
    }
    if (start === chunk.length) continue;
    pending.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > maxBytes) throw new Error(`a line of more than ${maxBytes} bytes`);
  }
  if (size > 0) yield Buffer.concat(pending).toString('utf8');
}
