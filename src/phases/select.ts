import { nearest } from '../config/nearest.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Phase } from './phase.ts';

/** Other names of phases, and names of several; words are separated by one space. */
export type PhaseNames = Readonly<Record<string, readonly string[]>>;

/**
 * Ids of the phases that a name means: a phase's own (`apiserver`), that of several (`control-plane`), or kubeadm's way
 * to name one of them (`control-plane apiserver`, `addon/coredns`, `certs all`).
 * @throws UserError (usage) with the names that there are
 */
export function phasesNamed(
  name: string,
  phases: readonly { readonly id: string }[],
  names: PhaseNames = {},
): readonly string[] {
  const words = name.split(/[\s/]+/);
  if (words.length > 1 && words.at(-1) === 'all') words.pop();
  const several = names[words.join(' ')];
  if (several !== undefined) return several;
  const [first = '', second, ...more] = words;
  const candidates =
    second === undefined
      ? [first]
      : [`${first}-${second}`, ...(names[first]?.includes(second) ? [second] : [])];
  const id = candidates.find((one) => phases.some((phase) => phase.id === one));
  if (id !== undefined && more.length === 0) return [id];
  throw noPhase(name, first, phases, names);
}

function noPhase(
  name: string,
  first: string,
  phases: readonly { readonly id: string }[],
  names: PhaseNames,
): UserError {
  const known = [...phases.map(({ id }) => id), ...Object.keys(names)];
  const asWritten = name.replace(/[\s/]+/g, '-');
  const close = nearest(asWritten, known);
  const whole = phases.some(({ id }) => id === first && id !== asWritten);
  const remedy = [
    // kubeadm's `certs apiserver`: what is there and right is kept, so the whole does the same.
    ...(whole ? [`${first} is one phase here, which makes whatever is missing: name ${first}`] : []),
    ...(close !== undefined && !whole ? [`did you mean ${close}?`] : []),
    `phases are: ${known.join(', ')}`,
  ].join('; ');
  return new UserError(`there is no phase ${JSON.stringify(name)}`, { remedy, exitCode: EXIT.usage });
}

/**
 * These phases alone, in their order: who names them answers for what they need being there. One that needs another by way of
 * phases that do not run still comes after it.
 */
export function onlyPhases<Context>(
  phases: readonly Phase<Context>[],
  ids: readonly string[],
): Phase<Context>[] {
  const chosenNeeds = (needs: readonly string[]): string[] =>
    needs.flatMap((need) =>
      ids.includes(need) ? [need] : chosenNeeds(phases.find(({ id }) => id === need)?.needs ?? []),
    );
  return phases
    .filter(({ id }) => ids.includes(id))
    .map((phase) => ({ ...phase, needs: [...new Set(chosenNeeds(phase.needs))] }));
}

/** For people: each phase with its title, then the other names. */
export function listOfPhases(
  phases: readonly { readonly id: string; readonly title: string }[],
  names: PhaseNames = {},
): string {
  const rows = [
    ...phases.map(({ id, title }) => [id, title] as const),
    ...Object.entries(names).map(([name, ids]) => [name, `= ${ids.join(', ')}`] as const),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, title]) => `${name.padEnd(width)}  ${title}`).join('\n');
}
