import { describe, expect, it } from 'vitest';
import { lackingRows, untrueLacking } from '../../compare/lacking.ts';

const DOCUMENT = `
| command                        | flag           | why     |
| ------------------------------ | -------------- | ------- |
| \`every\`                      | \`--rootfs\`   | so      |
| \`token list\`, \`token make\` | \`--a\`, \`--b\` | so too |

| command  | phase      | why |
| -------- | ---------- | --- |
| \`init\` | \`welcome\` | so  |

| what | else |
`;

describe('the table of what kadm lacks', () => {
  it('is read a command and a name at a time', () => {
    expect(lackingRows(DOCUMENT, 'flag')).toEqual([
      { command: 'every', name: '--rootfs' },
      { command: 'token list', name: '--a' },
      { command: 'token list', name: '--b' },
      { command: 'token make', name: '--a' },
      { command: 'token make', name: '--b' },
    ]);
    expect(lackingRows(DOCUMENT, 'phase')).toEqual([{ command: 'init', name: 'welcome' }]);
  });

  it('is to say what is lacking, and nothing else', () => {
    const rows = [{ command: 'every', name: '--rootfs' }];
    const untrue = (...names: string[]): string[] => untrueLacking(rows, new Map([['token list', names]]));
    expect(untrue('--rootfs')).toEqual([]);
    expect(untrue()).toEqual(['in the document, and not so: every --rootfs']);
    expect(untrue('--rootfs', '--output')).toEqual(['not in the document: token list --output']);
  });
});
