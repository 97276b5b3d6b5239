import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { flagRows, flagsIn, untrueFlags } from '../../compare/flags.ts';

const DOCUMENT = `
| command                        | flag           | why     |
| ------------------------------ | -------------- | ------- |
| \`every\`                      | \`--rootfs\`   | so      |
| \`token list\`, \`token make\` | \`--a\`, \`--b\` | so too |

| what | else |
`;

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

describe('the table of flags', () => {
  it('is read a command and a flag at a time', () => {
    expect(flagRows(DOCUMENT)).toEqual([
      { command: 'every', flag: '--rootfs' },
      { command: 'token list', flag: '--a' },
      { command: 'token list', flag: '--b' },
      { command: 'token make', flag: '--a' },
      { command: 'token make', flag: '--b' },
    ]);
  });

  it('is compared with help texts', () => {
    expect(flagsIn(HELP)).toEqual(['--rootfs', '--output', '--help']);
    const helpOf = new Map([['token list', HELP]]);
    const rows = [{ command: 'every', flag: '--rootfs' }];
    expect(untrueFlags(kadm('-o, --output <format>'), rows, helpOf)).toEqual([]);
    expect(untrueFlags(kadm('-o, --output <format>', '--rootfs'), rows, helpOf)).toEqual([
      'in the document, and not so: every --rootfs',
    ]);
    expect(untrueFlags(kadm(), rows, helpOf)).toEqual(['not in the document: token list --output']);
  });
});
