import { adoptPhases } from '../adopt/index.ts';
import { INIT_NAMES, initPhases } from '../init/index.ts';
import { CONTROL_PLANE_NAMES, controlPlanePhases } from '../join/control-plane/index.ts';
import { JOIN_NAMES, joinPhases } from '../join/index.ts';
import type { Phase } from '../phases/phase.ts';
import { type PhaseNames, selected } from '../phases/select.ts';
import { RESET_NAMES, resetPhases } from '../reset/index.ts';
import type { Candidate } from './completion-words.ts';

const TABLES: Readonly<Record<string, readonly Pick<Phase<never>, 'id' | 'title' | 'parts'>[]>> = {
  init: initPhases,
  join: uniqueIds([...joinPhases, ...controlPlanePhases]),
  reset: resetPhases,
  adopt: adoptPhases,
};

/** The phases that a verb can leave out, and their parts (`certs/ca`); none for a command that has no phases. */
export function phaseIds(command: string): Candidate[] {
  return (TABLES[command] ?? []).flatMap(({ id, title, parts = [] }) =>
    [id, ...parts.map((part) => `${id}/${part}`)].map((word) => ({ word, description: title })),
  );
}

const NAMES: Readonly<Record<string, PhaseNames>> = {
  init: INIT_NAMES,
  join: { ...JOIN_NAMES, ...CONTROL_PLANE_NAMES },
  reset: RESET_NAMES,
};

/** @throws UserError (usage) for what is no phase of a verb's, on workers and control planes, and no part of one */
export function checkPhase(verb: 'init' | 'join' | 'reset', name: string): void {
  selected([name], TABLES[verb] ?? [], NAMES[verb]);
}

/** The first of each id. */
function uniqueIds<T extends { readonly id: string }>(phases: readonly T[]): T[] {
  return phases.filter(({ id }, index) => phases.findIndex((one) => one.id === id) === index);
}
