import { checkPhase } from '../../src/cli/phase-ids.ts';
import { UserError } from '../../src/errors.ts';

/** Verbs of both that consist of phases. */
const VERBS = ['init', 'join', 'reset'] as const;

/** The phases in the help text of a verb of kubeadm's, and their parts, as --skip-phases takes them: certs, certs/ca. */
export function phasesIn(help: string): string[] {
  const [, list = ''] = help.split('```\n');
  let phase = '';
  return list.split('\n').flatMap((line) => {
    const [, slash, name] = /^( {2}\/)?([a-z-]+) {2,}/.exec(line) ?? [];
    if (name === undefined) return [];
    if (slash !== undefined) return [`${phase}/${name}`];
    phase = name;
    return [name];
  });
}

/**
 * Names of kubeadm's that no phase of kadm's has, and no part of one, by verb.
 * @param helpOf kubeadm's help of each verb
 */
export function lackingPhases(helpOf: ReadonlyMap<string, string>): Map<string, string[]> {
  return new Map(
    VERBS.map((verb) => {
      const names = phasesIn(helpOf.get(verb) ?? '');
      if (names.length === 0) throw new Error(`kubeadm's help of ${verb} names no phases`);
      return [verb, names.filter((name) => !isPhase(verb, name))];
    }),
  );
}

function isPhase(verb: (typeof VERBS)[number], name: string): boolean {
  try {
    checkPhase(verb, name);
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}
