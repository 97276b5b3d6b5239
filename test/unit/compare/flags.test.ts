import { Command } from 'commander';
import { expect, test } from 'vitest';
import { flagsIn, lackingFlags } from '../../compare/flags.ts';

const HELP = `Uses --nothing
      --rootfs string   The path.
  -o, --output string   One of --these
  -h, --help            help
`;

function kadm(...flags: string[]): Command {
  const list = new Command('list');
  for (const flag of flags) list.option(flag);
  return new Command('kadm').addCommand(new Command('token').addCommand(list));
}

test('flags are found in help texts, and those that kadm has not', () => {
  expect(flagsIn(HELP)).toEqual(['--rootfs', '--output', '--help']);
  const helpOf = new Map([['token list', HELP]]);
  expect(lackingFlags(kadm('-o, --output <format>'), helpOf)).toEqual(
    new Map([['token list', ['--rootfs']]]),
  );
});
