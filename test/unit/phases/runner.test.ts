import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/errors.ts';
import { CommandError } from '../../../src/host/command.ts';
import type { Event } from '../../../src/phases/events.ts';
import type { Phase } from '../../../src/phases/phase.ts';
import { checkTable, runPhases } from '../../../src/phases/runner.ts';

function phase(
  id: string,
  needs: string[] = [],
  run: Phase<string[]>['run'] = async () => {},
): Phase<string[]> {
  const recorded: Phase<string[]>['run'] = async (log, step) => {
    log.push(`${id} begins`);
    await run(log, step);
    log.push(`${id} ends`);
  };
  return { id, title: id, needs, run: recorded };
}

async function run(
  phases: Phase<string[]>[],
  options: { skip?: string[]; only?: string[]; signal?: AbortSignal } = {},
): Promise<{ log: string[]; events: Event[]; error: unknown }> {
  const log: string[] = [];
  const events: Event[] = [];
  let error: unknown;
  await runPhases(phases, log, { emit: (event) => void events.push(event), ...options }).catch(
    (caught: unknown) => {
      error = caught;
    },
  );
  return { log, events, error };
}

describe('runPhases', () => {
  it('starts a phase when its needs have finished, and runs others beside it', async () => {
    const { log } = await run([
      phase('slow', [], async () => await sleep(20)),
      phase('quick'),
      phase('after-quick', ['quick']),
      phase('last', ['slow', 'after-quick']),
    ]);
    expect(log.indexOf('after-quick ends')).toBeLessThan(log.indexOf('slow ends'));
    expect(log.indexOf('last begins')).toBeGreaterThan(log.indexOf('slow ends'));
  });

  it('tells its plan first, and then each start and end', async () => {
    const { events } = await run([phase('one', [], async (_, step) => step.note('fine'))]);
    expect(events).toMatchObject([
      { type: 'plan', steps: [{ id: 'one' }] },
      { type: 'started', path: ['one'] },
      { type: 'finished', path: ['one'], note: 'fine' },
    ]);
  });

  it('asks running phases to stop on a failure, waits for them, and begins no other', async () => {
    const failing = phase('failing', [], async () => {
      throw new UserError('no luck', { remedy: 'try again' });
    });
    const patient = phase('patient', [], async (log, step) => {
      await sleep(1_000, undefined, { signal: step.signal }).catch(() => log.push('patient was stopped'));
    });
    const { log, events, error } = await run([failing, patient, phase('never', ['patient', 'failing'])]);
    expect(error).toMatchObject({ message: 'no luck' });
    expect(log).toContain('patient was stopped');
    expect(log).not.toContain('never begins');
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'failed', message: 'no luck', remedy: 'try again' }),
    );
  });

  it('says in which phase a command failed', async () => {
    const { error } = await run([
      phase('mount-it', [], async () => {
        throw new CommandError(['mount', '/x'], 'exit 32', 32, 'no such device');
      }),
    ]);
    expect(error).toMatchObject({
      name: 'UserError',
      message: expect.stringContaining('phase mount-it: mount /x: exit 32'),
    });
  });

  it('leaves out what was asked to be left out, and those after it still run', async () => {
    const { log, events } = await run([phase('one'), phase('two', ['one'])], { skip: ['one'] });
    expect(log).toEqual(['two begins', 'two ends']);
    expect(events).toContainEqual({ type: 'skipped', path: ['one'], reason: 'as asked' });
  });

  it('says nothing of what does not concern a run, and those after it still run', async () => {
    const { log, events } = await run([{ ...phase('a'), concerns: () => false }, phase('b', ['a'])]);
    expect(log).toEqual(['b begins', 'b ends']);
    expect(events[0]).toMatchObject({ type: 'plan', steps: [{ id: 'b' }] });
    expect(events.filter(({ path }) => path.includes('a'))).toEqual([]);
  });

  it('runs some alone, whatever is to be skipped of the others', async () => {
    const { log, error } = await run([phase('one'), phase('two', ['one'])], { only: ['two'], skip: ['one'] });
    expect(error).toBeUndefined();
    expect(log).toEqual(['two begins', 'two ends']);
  });

  describe('with a phase of parts', () => {
    const parted = {
      ...phase('parted', [], async (log, { parts }) => void log.push(...parts)),
      parts: ['a', 'b', 'c'],
    };

    it.each<[string, { only?: string[]; skip?: string[] }, string[], string]>([
      ['all', {}, ['a', 'b', 'c'], 'parted'],
      ['those that are named', { only: ['parted/c', 'parted a'] }, ['a', 'c'], 'parted: a, c'],
      ['all but those that are left out', { skip: ['parted/b'] }, ['a', 'c'], 'parted: a, c'],
      ['both at once', { only: ['parted'], skip: ['parted/a', 'parted/c'] }, ['b'], 'parted: b'],
    ])('hands it %s, and says them where they are not all', async (_, options, parts, title) => {
      const { log, events } = await run([parted], options);
      expect(log).toEqual(['parted begins', ...parts, 'parted ends']);
      expect(events[0]).toMatchObject({ steps: [{ id: 'parted', title }] });
    });

    it.each([[['parted']], [['parted/a', 'parted/b', 'parted/c']]])('leaves it out by %j', async (skip) => {
      const { log, events } = await run([parted], { skip });
      expect(log).toEqual([]);
      expect(events).toContainEqual({ type: 'skipped', path: ['parted'], reason: 'as asked' });
    });
  });

  it('names the phases when asked to skip one that there is not', async () => {
    const { error } = await run([phase('one')], { skip: ['on'] });
    expect(error).toMatchObject({ exitCode: 2, remedy: expect.stringContaining('one') });
  });

  it('stops between phases when interrupted, and says where', async () => {
    const interrupt = new AbortController();
    const phases = [phase('one', [], async () => interrupt.abort()), phase('two', ['one'])];
    const { log, error } = await run(phases, { signal: interrupt.signal });
    expect(log).toEqual(['one begins', 'one ends']);
    expect(error).toMatchObject({ message: 'interrupted at phase two', exitCode: 130 });
  });
});

describe('checkTable', () => {
  it('refuses tables that could not finish', () => {
    expect(() => checkTable([phase('a', ['b']), phase('b', ['a'])])).toThrow('can never start: a, b');
    expect(() => checkTable([phase('a', ['nobody'])])).toThrow('can never start: a');
    expect(() => checkTable([phase('a'), phase('a')])).toThrow('twice');
  });
});
