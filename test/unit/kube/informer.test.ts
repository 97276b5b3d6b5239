import { describe, expect, test } from 'vitest';
import { ApiError, ConnectionError, type ListResult, type WatchOptions } from '../../../src/kube/client.ts';
import { type Change, Informer, type InformerOptions, type Listed } from '../../../src/kube/informer.ts';
import type { WatchEvent } from '../../../src/kube/watch-event.ts';

interface Thing extends Listed {
  readonly value?: number;
}

const thing = (name: string, resourceVersion: string, value = 0): Thing => ({
  metadata: { name, resourceVersion },
  value,
});
const event = (type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: Thing): WatchEvent<Thing> => ({
  type,
  object,
});
const unreached = (why: string): ConnectionError =>
  new ConnectionError({ method: 'GET', url: new URL('https://h1:6443/things') }, new Error(why));
const expired = new ApiError('GET /things', 410, { reason: 'Expired' });

/** One list or one watch of the server, in the order in which they are to come. */
type Act =
  | { readonly list: Thing[][]; readonly version: string }
  | { readonly watch: readonly (WatchEvent<Thing> | Error)[] }
  | { readonly fail: Error };

/** An API that plays its acts in order, then ends the informer; it notes from where each watch was to go on. */
class Play {
  readonly calls: string[] = [];
  readonly abort = new AbortController();
  readonly #acts: Act[];

  constructor(acts: Act[]) {
    this.#acts = acts;
  }

  async *pages<T>(): AsyncGenerator<ListResult<T>> {
    this.calls.push('list');
    const act = this.#next();
    if (!('list' in act)) throw new Error('a list was not expected');
    for (const items of act.list) yield { items: items as T[], resourceVersion: act.version };
  }

  async *watch<T>(_path: string, { resourceVersion }: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    this.calls.push(`watch ${resourceVersion}`);
    const act = this.#next();
    if (!('watch' in act)) throw new Error('a watch was not expected');
    for (const one of act.watch) {
      if (one instanceof Error) throw one;
      yield one as WatchEvent<T>;
    }
  }

  #next(): Act {
    const act = this.#acts.shift();
    if (act === undefined) this.abort.abort();
    if (act === undefined || 'fail' in act) throw act?.fail ?? new Error('the play is over');
    return act;
  }
}

const FAST = { firstMs: 1, maxMs: 2 };

async function perform(acts: Act[], over: Partial<InformerOptions<Thing, number>> = {}) {
  const play = new Play(acts);
  const changes: string[] = [];
  const troubles: string[] = [];
  const informer = new Informer<Thing, number>(play, {
    path: '/things',
    select: ({ value }) => value,
    onChange: (change) => changes.push(describeChange(change)),
    onTrouble: (message) => troubles.push(message),
    backoff: FAST,
    ...over,
  });
  await informer.start(play.abort.signal);
  return { changes, troubles, calls: play.calls, items: Object.fromEntries(informer.items) };
}

function describeChange(change: Change<number>): string {
  if (change.type === 'synced') return `synced ${[...change.items.keys()].join()}`;
  return `${change.type} ${change.key}=${change.item}`;
}

describe('an informer', () => {
  test('gives the whole set of all pages first, then what changes', async () => {
    const { changes, calls, items } = await perform([
      { list: [[thing('a', '1')], [thing('b', '2')]], version: '5' },
      {
        watch: [
          event('ADDED', thing('c', '6')),
          event('MODIFIED', thing('a', '7', 9)),
          event('DELETED', thing('b', '8')),
        ],
      },
    ]);
    expect(changes).toEqual(['synced a,b', 'set c=0', 'set a=9', 'removed b=0']);
    expect(items).toEqual({ a: 9, c: 0 });
    expect(calls.slice(0, 2)).toEqual(['list', 'watch 5']);
  });

  test('says nothing of a change that does not touch what is kept', async () => {
    const { changes } = await perform([
      { list: [[thing('a', '1', 3)]], version: '5' },
      { watch: [event('MODIFIED', thing('a', '6', 3))] },
    ]);
    expect(changes).toEqual(['synced a']);
  });

  test('keeps nothing of what is of no interest, and forgets what no longer is', async () => {
    const { changes, items } = await perform(
      [
        { list: [[thing('a', '1', 1), thing('b', '1', -1)]], version: '5' },
        { watch: [event('MODIFIED', thing('a', '6', -1)), event('DELETED', thing('b', '7', -1))] },
      ],
      { select: ({ value = 0 }) => (value < 0 ? undefined : value) },
    );
    expect(changes).toEqual(['synced a', 'removed a=1']);
    expect(items).toEqual({});
  });

  test('goes on from the last event or bookmark when the stream ends, without another list', async () => {
    const { calls } = await perform([
      { list: [[]], version: '5' },
      { watch: [event('ADDED', thing('a', '6'))] },
      { watch: [event('BOOKMARK', thing('', '9'))] },
      { watch: [] },
    ]);
    expect(calls.slice(0, 4)).toEqual(['list', 'watch 5', 'watch 6', 'watch 9']);
  });

  test('goes on in the same way when the connection breaks, and tells of it', async () => {
    const { calls, troubles } = await perform([
      { list: [[]], version: '5' },
      { watch: [event('ADDED', thing('a', '6')), unreached('reset')] },
      { watch: [] },
    ]);
    expect(calls.slice(0, 3)).toEqual(['list', 'watch 5', 'watch 6']);
    expect(troubles).toContain('cannot reach the API server at https://h1:6443: reset');
  });

  test.each<[string, Act]>([
    ['refuses the watch', { fail: expired }],
    ['ends it with an error event', { watch: [{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }] }],
  ])('lists again, and says what then is, when the server has forgotten the point and %s', async (_, act) => {
    const { calls, changes, items } = await perform([
      { list: [[thing('a', '1'), thing('b', '1')]], version: '5' },
      act,
      { list: [[thing('b', '8')]], version: '9' },
      { watch: [] },
    ]);
    expect(calls.slice(0, 4)).toEqual(['list', 'watch 5', 'list', 'watch 9']);
    expect(changes).toEqual(['synced a,b', 'synced b']);
    expect(items).toEqual({ b: 0 });
  });

  test('tries again until a first list succeeds', async () => {
    const refused = unreached('refused');
    const { changes } = await perform([
      { fail: refused },
      { fail: refused },
      { list: [[thing('a', '1')]], version: '5' },
    ]);
    expect(changes).toEqual(['synced a']);
  });

  test('waits longer and longer between failures in a row', async () => {
    const pauses: number[] = [];
    const failures = Array.from({ length: 6 }, () => ({ fail: new Error('down') }));
    await perform(failures, {
      onTrouble: (_, pauseMs) => pauses.push(pauseMs),
      backoff: { firstMs: 4, maxMs: 16 },
    });
    const [first = 0, , third = 0] = pauses;
    expect(first).toBeLessThanOrEqual(4);
    expect(third).toBeGreaterThanOrEqual(8);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(16);
  });

  test('does not try again on a fault of its user', async () => {
    const fault = new Error('a bug');
    const run = perform([{ list: [[thing('a', '1')]], version: '5' }], {
      onChange: () => {
        throw fault;
      },
    });
    await expect(run).rejects.toBe(fault);
  });

  test('tells objects of the same name in two namespaces apart', async () => {
    const both = ['one', 'two'].map((namespace) => ({ metadata: { name: 'a', namespace }, value: 0 }));
    const { changes } = await perform([{ list: [both], version: '5' }]);
    expect(changes).toEqual(['synced one/a,two/a']);
  });
});
