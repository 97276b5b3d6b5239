import { EXIT, messageOf, UserError } from '../errors.ts';
import { CommandError } from '../host/command.ts';
import { type Emit, within } from './events.ts';
import type { Phase, Step } from './phase.ts';
import { onlyPhases, type PhaseNames, partsIn, type Selected, selected } from './select.ts';

export interface RunPhasesOptions {
  readonly emit: Emit;
  /** Names of phases, and of parts of them, to leave out (`--skip-phases`). */
  readonly skip?: readonly string[];
  /** Names of the phases, and of parts of them, to run alone; all when left out. */
  readonly only?: readonly string[];
  /** What else phases may be called. */
  readonly names?: PhaseNames;
  readonly signal?: AbortSignal;
  /** At most so many at once; all whose needs are met when left out. */
  readonly concurrency?: number;
}

/**
 * Runs phases, each as soon as its needs are met. On the first failure the running ones are asked to stop,
 * are waited for, and the failure is thrown; phases that had not started are never begun.
 * @throws UserError (usage) when `skip` or `only` names a phase, or a part of one, that does not exist.
 */
export async function runPhases<Context>(
  table: readonly Phase<Context>[],
  context: Context,
  options: RunPhasesOptions,
): Promise<void> {
  const { emit, names } = options;
  checkTable(table);
  const skip = selected(options.skip ?? [], table, names);
  const only = options.only && selected(options.only, table, names);
  const chosen = only === undefined ? table : onlyPhases(table, only);
  const phases = chosen.filter((phase) => phase.concerns?.(context) !== false);
  const partsOf = (phase: Phase<Context>): readonly string[] => partsToDo(phase, only, skip);
  const steps = phases.map((phase) => ({ id: phase.id, title: titleOf(phase, partsOf(phase)) }));
  emit({ type: 'plan', path: [], steps });

  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  const waiting = new Set(phases);
  const done = new Set(chosen.filter((phase) => !phases.includes(phase)).map(({ id }) => id));
  const running = new Map<string, Promise<void>>();
  let failure: { error: unknown } | undefined;

  const begin = (phase: Phase<Context>): void => {
    waiting.delete(phase);
    const parts = partsOf(phase);
    const skipped = parts.length === 0 && skip.some(({ id }) => id === phase.id);
    const ended = runPhase({ phase, parts, skipped }, context, emit, signal).then(
      () => void done.add(phase.id),
      (error: unknown) => {
        failure ??= { error };
        stop.abort(error);
      },
    );
    running.set(
      phase.id,
      ended.finally(() => running.delete(phase.id)),
    );
  };

  while (waiting.size > 0 || running.size > 0) {
    if (failure === undefined && !signal.aborted) {
      for (const phase of [...waiting]) {
        const full = running.size >= (options.concurrency ?? Number.POSITIVE_INFINITY);
        if (!full && phase.needs.every((id) => done.has(id))) begin(phase);
      }
    }
    if (running.size === 0) break;
    await Promise.race(running.values());
  }
  // What fails after an interruption fails because of it: programs that ran got the same signal.
  if (options.signal?.aborted) throw interrupted(phases.filter((phase) => !done.has(phase.id)));
  if (failure !== undefined) throw failure.error;
}

function interrupted(left: readonly { id: string }[]): UserError {
  const where = left[0] === undefined ? 'after the last phase' : `at phase ${left[0].id}`;
  return new UserError(`interrupted ${where}`, {
    remedy: 'the same command again goes on from here; `kadm reset` removes what was done',
    exitCode: EXIT.interrupted,
  });
}

function partsToDo(
  phase: Pick<Phase<never>, 'id' | 'parts'>,
  only: readonly Selected[] | undefined,
  skip: readonly Selected[],
): readonly string[] {
  const leftOut = partsIn(skip, phase);
  const asked = only === undefined ? (phase.parts ?? []) : partsIn(only, phase);
  return asked.filter((part) => !leftOut.includes(part));
}

/** Some parts are said, all are not. */
function titleOf(
  { title, parts = [] }: Pick<Phase<never>, 'title' | 'parts'>,
  toDo: readonly string[],
): string {
  return toDo.length === 0 || toDo.length === parts.length ? title : `${title}: ${toDo.join(', ')}`;
}

interface Task<Context> {
  readonly phase: Phase<Context>;
  readonly parts: readonly string[];
  readonly skipped: boolean;
}

async function runPhase<Context>(
  { phase, parts, skipped }: Task<Context>,
  context: Context,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const path = [phase.id];
  const reason = skipped ? 'as asked' : phase.skip?.(context);
  if (reason !== undefined) {
    emit({ type: 'skipped', path, reason });
    return;
  }
  const start = performance.now();
  const elapsed = (): number => Math.round(performance.now() - start);
  let note: string | undefined;
  const step: Step = {
    signal,
    progress: (message) => emit({ type: 'progress', path, message }),
    warn: (message) => emit({ type: 'warning', path, message }),
    note: (message) => {
      note = message;
    },
    emit: within(emit, phase.id),
    parts,
  };
  emit({ type: 'started', path });
  try {
    await phase.run(context, step);
  } catch (error) {
    if (signal.aborted && error === signal.reason) {
      emit({ type: 'skipped', path, reason: 'stopped' });
      throw error;
    }
    const remedy = error instanceof UserError && error.remedy !== undefined ? { remedy: error.remedy } : {};
    emit({ type: 'failed', path, ms: elapsed(), message: messageOf(error), ...remedy });
    throw inPhase(phase.id, error);
  }
  emit({ type: 'finished', path, ms: elapsed(), ...(note === undefined ? {} : { note }) });
}

/** A failed command is not a bug of ours: the user learns in which phase it was and what it said. */
function inPhase(id: string, error: unknown): unknown {
  if (!(error instanceof CommandError)) return error;
  return new UserError(`phase ${id}: ${error.message}`, {
    remedy: 'mend what the command complains of and run the same command again',
    cause: error,
  });
}

/** @throws Error for a table that could never finish: an unknown need, a repeated id, a circle. */
export function checkTable<Context>(phases: readonly Phase<Context>[]): void {
  const settled = new Set<string>();
  let left = [...phases];
  while (left.length > 0) {
    const ready = left.filter((phase) => phase.needs.every((id) => settled.has(id)));
    if (ready.length === 0) {
      throw new Error(`phases that can never start: ${left.map((phase) => phase.id).join(', ')}`);
    }
    for (const phase of ready) {
      if (settled.has(phase.id)) throw new Error(`phase ${phase.id} is in the table twice`);
      settled.add(phase.id);
    }
    left = left.filter((phase) => !ready.includes(phase));
  }
}
