import type { Command } from 'commander';

/** Commands that both have, by the name of kadm's, with the words by which kubeadm tells of all their flags. */
export const SHARED_COMMANDS: readonly (readonly [string, string])[] = [
  'init',
  'join',
  'reset',
  'token create',
  'token list',
  'token delete',
  'token generate',
  'certs check-expiration',
  ['certs renew', 'certs renew all'] as const,
  'certs generate-csr',
  'certs certificate-key',
  'kubeconfig user',
  ['config print', 'config print init-defaults'] as const,
  'config validate',
  'config migrate',
  'config images list',
  'version',
].map((one) => (typeof one === 'string' ? [one, one] : one));

/** The long flags in a help text: their names at the start of a line, after a short one perhaps. */
export function flagsIn(help: string): string[] {
  return [...help.matchAll(/^ +(?:-\w, )?(--[a-z][a-z-]*)/gm)].flatMap(([, flag]) => flag ?? []);
}

/**
 * Flags of kubeadm's that the command of the same name does not have here, by command.
 * @param helpOf kubeadm's help of each command
 */
export function lackingFlags(kadm: Command, helpOf: ReadonlyMap<string, string>): Map<string, string[]> {
  return new Map(
    [...helpOf].map(([command, help]) => {
      const here = ['--help', ...commandOf(kadm, command).options.flatMap(({ long }) => long ?? [])];
      return [command, flagsIn(help).filter((flag) => !here.includes(flag))];
    }),
  );
}

function commandOf(kadm: Command, words: string): Command {
  return words.split(' ').reduce((command, word) => {
    const found = command.commands.find((one) => one.name() === word);
    if (found === undefined) throw new Error(`kadm has no command ${words}`);
    return found;
  }, kadm);
}
