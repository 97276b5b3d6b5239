import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Difference } from '../../compare/differences.ts';
import { rowsOf, untrue } from '../../compare/document.ts';

const PAGE = `# Page

| other | table |
| ----- | ----- |
| a     | b     |

| what           | field                  | kadm    | kubeadm | why             |
| -------------- | ---------------------- | ------- | ------- | --------------- |
| \`static pod *\` | \`args.--profiling\`     | \`false\` | —       | it tells a lot  |
| \`Role a/b\`     |                        | there   | —       | of the agents   |
| \`Secret c\`     | \`data.description\`     | …       | …       | each says which |
`;

const PROFILING: Difference = {
  thing: 'static pod etcd',
  field: 'args.--profiling',
  kadm: 'false',
  kubeadm: undefined,
};
const ROLE: Difference = { thing: 'Role a/b', field: '', kadm: 'there', kubeadm: undefined };
const SECRET: Difference = {
  thing: 'Secret c',
  field: 'data.description',
  kadm: 'by kadm',
  kubeadm: 'by kubeadm',
};

describe('the list of differences', () => {
  const rows = rowsOf(PAGE);

  it('is read from the tables that are meant', () => {
    expect(rows.map(({ thing, reason }) => [thing, reason])).toEqual([
      ['static pod *', 'it tells a lot'],
      ['Role a/b', 'of the agents'],
      ['Secret c', 'each says which'],
    ]);
  });

  it('is true when each row stands for differences, and each difference has its row', () => {
    const another = { ...PROFILING, thing: 'static pod kube-scheduler' };
    expect(untrue(rows, [PROFILING, another, ROLE, SECRET])).toEqual([]);
  });

  it('is untrue when a difference is missing in it', () => {
    const more = { ...ROLE, thing: 'Role a/other' };
    expect(untrue(rows, [PROFILING, ROLE, SECRET, more])).toEqual([
      'not in the document: Role a/other |  | there | —',
    ]);
  });

  it('is untrue when a row stands for nothing any more, or says another value', () => {
    expect(untrue(rows, [PROFILING, ROLE])).toEqual([
      'in the document, and not so: Secret c | data.description | … | …',
    ]);
    expect(untrue(rows, [{ ...PROFILING, kadm: 'true' }, ROLE, SECRET])).toHaveLength(2);
  });

  it('does not take a value that is absent for any value', () => {
    expect(untrue(rows, [PROFILING, ROLE, { ...SECRET, kadm: undefined }])).toHaveLength(2);
  });

  it('has five cells in each row', () => {
    expect(() => rowsOf(PAGE.replace('| of the agents   |', '|'))).toThrow('not a row of five cells');
  });
});

describe('docs/kubeadm-differences.md', () => {
  it('gives a reason for each difference', () => {
    const rows = rowsOf(
      readFileSync(new URL('../../../docs/kubeadm-differences.md', import.meta.url), 'utf8'),
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ reason }) => reason.length < 8)).toEqual([]);
  });
});
