import { nearest } from '../config/nearest.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Phase } from './phase.ts';

/** Other names of phases, and names of several; words are separated by one space. */
export type PhaseNames = Readonly<Record<string, readonly string[]>>;

/** A phase that was named, or one part of it. */
export interface Selected {
  readonly id: string;
  /** Left out where the whole phase is meant. */
  readonly part?: string;
}

type Named = Pick<Phase<never>, 'id' | 'parts'>;

/**
 * What names mean: a phase (`apiserver`), several (`control-plane`), a part of one (`certs apiserver`, `certs/apiserver`),
 * or kubeadm's way to name a phase (`control-plane apiserver`, `addon/coredns`, `certs all`).
 * @throws UserError (usage) with the names that there are
 */
export function selected(
  wanted: readonly string[],
  phases: readonly Named[],
  names: PhaseNames = {},
): Selected[] {
  return wanted.flatMap((name) => selectedBy(name, phases, names));
}

function selectedBy(name: string, phases: readonly Named[], names: PhaseNames): Selected[] {
  const words = name.split(/[\s/]+/);
  if (words.length > 1 && words.at(-1) === 'all') words.pop();
  const several = names[words.join(' ')];
  if (several !== undefined) return several.map((id) => ({ id }));
  const [first = '', second, ...more] = words;
  const named = (id: string): Named | undefined => phases.find((phase) => phase.id === id);
  if (more.length === 0) {
    if (second === undefined && named(first)) return [{ id: first }];
    if (second !== undefined) {
      if (named(first)?.parts?.includes(second)) return [{ id: first, part: second }];
      if (named(`${first}-${second}`)) return [{ id: `${first}-${second}` }];
      if (names[first]?.includes(second)) return [{ id: second }];
    }
  }
  throw noPhase(name, named(first), phases, names);
}

/** @param phase what the first word names */
function noPhase(
  name: string,
  phase: Named | undefined,
  phases: readonly Named[],
  names: PhaseNames,
): UserError {
  const known = [...phases.map(({ id }) => id), ...Object.keys(names)];
  const { id, parts = [] } = phase ?? {};
  const [asWritten, there, list] =
    parts.length === 0
      ? [name.replace(/[\s/]+/g, '-'), known, `phases are: ${known.join(', ')}`]
      : [
          name.replace(/[\s/]+/g, '/'),
          parts.map((part) => `${id}/${part}`),
          `parts of ${id} are: ${parts.join(', ')}`,
        ];
  const close = nearest(asWritten, there);
  const remedy = [...(close === undefined ? [] : [`did you mean ${close}?`]), list].join('; ');
  return new UserError(`there is no phase ${JSON.stringify(name)}`, { remedy, exitCode: EXIT.usage });
}

/** The parts of a phase that are meant, in their order; none where the phase is not, or has none. */
export function partsIn(selection: readonly Selected[], { id, parts = [] }: Named): readonly string[] {
  const meant = selection.filter((one) => one.id === id).map(({ part }) => part);
  return meant.includes(undefined) ? parts : parts.filter((part) => meant.includes(part));
}

/**
 * These phases alone, in their order: who names them answers for what they need being there. One that needs another by way of
 * phases that do not run still comes after it.
 */
export function onlyPhases<Context>(
  phases: readonly Phase<Context>[],
  selection: readonly Selected[],
): Phase<Context>[] {
  const ids = selection.map(({ id }) => id);
  const chosenNeeds = (needs: readonly string[]): string[] =>
    needs.flatMap((need) =>
      ids.includes(need) ? [need] : chosenNeeds(phases.find(({ id }) => id === need)?.needs ?? []),
    );
  return phases
    .filter(({ id }) => ids.includes(id))
    .map((phase) => ({ ...phase, needs: [...new Set(chosenNeeds(phase.needs))] }));
}

/** For people: each phase with its title and its parts, then the other names. */
export function listOfPhases(
  phases: readonly Pick<Phase<never>, 'id' | 'title' | 'parts'>[],
  names: PhaseNames = {},
): string {
  const rows = [
    ...phases.flatMap(({ id, title, parts = [] }) => [
      [id, title] as const,
      ...parts.map((part) => [`  /${part}`, ''] as const),
    ]),
    ...Object.entries(names).map(([name, ids]) => [name, `= ${ids.join(', ')}`] as const),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, title]) => `${name.padEnd(width)}  ${title}`.trimEnd()).join('\n');
}
