import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.ts';

/*
 * A machine that loses its power, or its network, ends no connection. Who runs a command on another host that goes on
 * for as long as its input does therefore says now and then that it is still there.
 */
const BEAT_MS = 5_000;
/** So many beats without a word, 30 s, and nobody is there: as with a connection (src/ssh/connector.ts). */
const MISSED_BEATS = 6;

/** Passes on whole lines as they come, and an empty line whenever none has come for a while. */
export async function* withHeartbeat(lines: AsyncIterable<string>, beatMs = BEAT_MS): AsyncGenerator<string> {
  const iterator = lines[Symbol.asyncIterator]();
  for (let coming = iterator.next(); ; ) {
    const next = await withinBeat(coming, beatMs);
    if (next === undefined) yield '\n';
    else if (next.done) return;
    else {
      yield next.value;
      coming = iterator.next();
    }
  }
}

/**
 * The lines of an input that withHeartbeat feeds, empty ones among them, until it ends. It is closed afterwards.
 * @throws UserError when not even an empty one comes any more; the signal's reason
 */
export async function* linesWithHeartbeat(
  input: Readable,
  signal: AbortSignal,
  beatMs = BEAT_MS,
): AsyncGenerator<string> {
  const iterator = createInterface({ input })[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await beforeSilence(iterator.next(), beatMs, signal);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // An open input would keep this process.
    input.destroy();
  }
}

/** Beats are counted, not time: of a process that was held up nobody knows who has fallen silent. */
async function beforeSilence<T>(coming: Promise<T>, beatMs: number, signal: AbortSignal): Promise<T> {
  for (let missed = 0; missed < MISSED_BEATS; missed += 1) {
    const next = await withinBeat(coming, beatMs, signal);
    if (next !== undefined) return next;
  }
  throw new UserError(
    `whoever started this has said nothing for ${(MISSED_BEATS * beatMs) / 1000} s, and is gone`,
    { remedy: 'run the command again that started this' },
  );
}

/** Undefined when it does not come within one beat. */
async function withinBeat<T>(
  coming: Promise<T>,
  beatMs: number,
  signal?: AbortSignal,
): Promise<T | undefined> {
  const enough = new AbortController();
  const signals = signal === undefined ? enough.signal : AbortSignal.any([enough.signal, signal]);
  const beat = sleep(beatMs, undefined, { ref: false, signal: signals });
  beat.catch(() => {});
  try {
    return await Promise.race([coming, beat]);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    enough.abort();
  }
}
