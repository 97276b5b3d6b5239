import { adoptPhases } from '../adopt/index.ts';
import { initPhases } from '../init/index.ts';
import { joinPhases } from '../join/index.ts';
import { resetPhases } from '../reset/index.ts';
import type { Candidate } from './completion-words.ts';

const TABLES: Readonly<Record<string, readonly { readonly id: string; readonly title: string }[]>> = {
  init: initPhases,
  join: joinPhases,
  reset: resetPhases,
  adopt: adoptPhases,
};

/** The phases that a verb can leave out; none for a command that has no phases. */
export function phaseIds(command: string): Candidate[] {
  return (TABLES[command] ?? []).map(({ id, title }) => ({ word: id, description: title }));
}
