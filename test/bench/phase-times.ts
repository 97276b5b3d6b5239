import { eventSchema } from '../../src/phases/events.ts';

/** When a phase ran, in seconds since the run's first event. */
export interface PhaseTime {
  readonly id: string;
  readonly start: number;
  readonly end: number;
}

interface Needing {
  readonly id: string;
  readonly needs: readonly string[];
}

/**
 * When each phase of a run started and finished, from its events (`--output json`). Phases that were skipped,
 * or that run below another one, are left out.
 */
export function phaseTimes(ndjson: string): PhaseTime[] {
  const lines = ndjson.split('\n').filter((line) => line.startsWith('{'));
  const events = lines.map((line) => {
    const raw: { time?: string } = JSON.parse(line);
    return { ...eventSchema.parse(raw), at: Date.parse(raw.time ?? '') / 1000 };
  });
  const zero = events[0]?.at ?? 0;
  const started = new Map<string, number>();
  const times: PhaseTime[] = [];
  for (const event of events) {
    const [id, ...below] = event.path;
    if (id === undefined || below.length > 0) continue;
    if (event.type === 'started') started.set(id, event.at - zero);
    const start = started.get(id);
    if (event.type === 'finished' && start !== undefined) times.push({ id, start, end: event.at - zero });
  }
  return times;
}

/**
 * The chain of phases that decided how long a run took, in order: from the phase that finished last, back
 * through that one of its needs which finished last, and so on.
 */
export function criticalPath(times: readonly PhaseTime[], phases: readonly Needing[]): PhaseTime[] {
  const needs = new Map(phases.map((phase) => [phase.id, phase.needs]));
  const path: PhaseTime[] = [];
  let next = lastToFinish(times);
  while (next !== undefined) {
    path.unshift(next);
    const wanted = new Set(needs.get(next.id));
    next = lastToFinish(times.filter(({ id }) => wanted.has(id)));
  }
  return path;
}

function lastToFinish(times: readonly PhaseTime[]): PhaseTime | undefined {
  return times.reduce<PhaseTime | undefined>(
    (last, one) => (last === undefined || one.end > last.end ? one : last),
    undefined,
  );
}
