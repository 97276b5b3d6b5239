import type { Command } from 'commander';

/** A row of the table of flags in docs/kubeadm-differences.md, one for each command and flag. */
export interface FlagRow {
  readonly command: string;
  readonly flag: string;
}

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

/** The table of flags, its cells taken apart. */
export function flagRows(markdown: string): FlagRow[] {
  const [, table = ''] = markdown.split(/^\| command +\| flag +\| why.*$/m);
  const rows = table.trimStart().split('\n').slice(1);
  const end = rows.findIndex((row) => !row.startsWith('|'));
  return rows.slice(0, end).flatMap((row) => {
    const [commands = [], flags = []] = row
      .split('|')
      .slice(1, 3)
      .map((cell) => [...cell.matchAll(/`([^`]+)`/g)].flatMap(([, name]) => name ?? []));
    return commands.flatMap((command) => flags.map((flag) => ({ command, flag })));
  });
}

/**
 * What is amiss with the table: flags of kubeadm that kadm and the table do not have, and rows for flags that kadm has,
 * or kubeadm has not.
 * @param helpOf kubeadm's help of a command
 */
export function untrueFlags(
  kadm: Command,
  rows: readonly FlagRow[],
  helpOf: ReadonlyMap<string, string>,
): string[] {
  const idle = new Set(rows);
  const missing: string[] = [];
  for (const [command, help] of helpOf) {
    const here = commandOf(kadm, command).options.flatMap(({ long }) => long ?? []);
    for (const flag of flagsIn(help).filter((one) => one !== '--help' && !here.includes(one))) {
      const found = rows.filter(
        (row) => row.flag === flag && (row.command === command || row.command === 'every'),
      );
      if (found.length === 0) missing.push(`not in the document: ${command} ${flag}`);
      for (const row of found) idle.delete(row);
    }
  }
  return [
    ...missing,
    ...[...idle].map(({ command, flag }) => `in the document, and not so: ${command} ${flag}`),
  ];
}

function commandOf(kadm: Command, words: string): Command {
  return words.split(' ').reduce((command, word) => {
    const found = command.commands.find((one) => one.name() === word);
    if (found === undefined) throw new Error(`kadm has no command ${words}`);
    return found;
  }, kadm);
}
