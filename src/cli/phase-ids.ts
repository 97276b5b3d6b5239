import { adoptPhases } from '../adopt/index.ts';
import { initPhases } from '../init/index.ts';
import { controlPlanePhases } from '../join/control-plane/index.ts';
import { joinPhases } from '../join/index.ts';
import { resetPhases } from '../reset/index.ts';
import type { Candidate } from './completion-words.ts';

const TABLES: Readonly<Record<string, readonly { readonly id: string; readonly title: string }[]>> = {
  init: initPhases,
  join: uniqueIds([...joinPhases, ...controlPlanePhases]),
  reset: resetPhases,
  adopt: adoptPhases,
};

/** The phases that a verb can leave out; none for a command that has no phases. */
export function phaseIds(command: string): Candidate[] {
  return (TABLES[command] ?? []).map(({ id, title }) => ({ word: id, description: title }));
}

/** The first of each id. */
function uniqueIds<T extends { readonly id: string }>(phases: readonly T[]): T[] {
  return phases.filter(({ id }, index) => phases.findIndex((one) => one.id === id) === index);
}
