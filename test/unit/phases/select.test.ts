import { describe, expect, test } from 'vitest';
import { listOfPhases, onlyPhases, partsIn, selected } from '../../../src/phases/select.ts';

const PHASES = [
  { id: 'certs', title: 'do certs', parts: ['ca', 'apiserver', 'sa'] },
  ...['etcd', 'apiserver', 'scheduler', 'addon-coredns'].map((id) => ({ id, title: `do ${id}` })),
];
const NAMES = {
  'control-plane': ['apiserver', 'scheduler'],
  addon: ['addon-coredns'],
  'etcd local': ['etcd'],
};

describe('the name of a phase', () => {
  test.each<[string, string[]]>([
    ['certs', ['certs']],
    ['certs all', ['certs']],
    ['control-plane', ['apiserver', 'scheduler']],
    ['control-plane all', ['apiserver', 'scheduler']],
    ['control-plane scheduler', ['scheduler']],
    ['control-plane/scheduler', ['scheduler']],
    ['addon/coredns', ['addon-coredns']],
    ['addon coredns', ['addon-coredns']],
    ['etcd local', ['etcd']],
  ])('%s', (name, ids) => expect(selected([name], PHASES, NAMES)).toEqual(ids.map((id) => ({ id }))));

  test.each([['certs apiserver'], ['certs/apiserver']])('%s is a part of one', (name) => {
    expect(selected([name], PHASES, NAMES)).toEqual([{ id: 'certs', part: 'apiserver' }]);
  });

  test.each([
    ['nothing'],
    ['control-plane certs'],
    ['addon coredns now'],
    ['certs scheduler'],
    ['certs apiserver all now'],
    ['etcd ca'],
    [''],
    ['all'],
  ])('not %j', (name) => {
    expect(() => selected([name], PHASES, NAMES)).toThrow(`there is no phase ${JSON.stringify(name)}`);
  });
});

test.each([
  ['addon/core-dns', 'did you mean addon-coredns?; phases are: certs, etcd,'],
  ['certs apiservr', 'did you mean certs/apiserver?; parts of certs are: ca, apiserver, sa'],
])('%s is not one, and which is is said', (name, remedy) => {
  expect(() => selected([name], PHASES, NAMES)).toThrow(
    expect.objectContaining({ exitCode: 2, remedy: expect.stringContaining(remedy) }),
  );
});

describe('the parts of a phase that are meant', () => {
  const [certs = { id: '' }, etcd = { id: '' }] = PHASES;

  test.each<[string[], string[]]>([
    [['certs'], ['ca', 'apiserver', 'sa']],
    [
      ['certs all', 'certs ca'],
      ['ca', 'apiserver', 'sa'],
    ],
    [
      ['certs sa', 'certs ca'],
      ['ca', 'sa'],
    ],
    [['apiserver'], []],
  ])('by %j', (wanted, parts) => {
    expect(partsIn(selected(wanted, PHASES, NAMES), certs)).toEqual(parts);
  });

  test('are none of one that has none', () => expect(partsIn([{ id: 'etcd' }], etcd)).toEqual([]));
});

test('phases alone need only each other', () => {
  const run = async (): Promise<void> => {};
  const table = [
    { id: 'a', title: '', needs: [], run },
    { id: 'b', title: '', needs: ['a'], run },
    { id: 'c', title: '', needs: ['a', 'b'], run },
  ];
  expect(onlyPhases(table, [{ id: 'c' }, { id: 'b' }]).map(({ id, needs }) => [id, needs])).toEqual([
    ['b', []],
    ['c', ['b']],
  ]);
});

test('phases alone come after those that they need by way of others', () => {
  const run = async (): Promise<void> => {};
  const table = [
    { id: 'a', title: '', needs: [], run },
    { id: 'b', title: '', needs: ['a'], run },
    { id: 'c', title: '', needs: ['b'], run },
  ];
  expect(onlyPhases(table, [{ id: 'a' }, { id: 'c' }]).map(({ id, needs }) => [id, needs])).toEqual([
    ['a', []],
    ['c', ['a']],
  ]);
});

test('the list shows phases with their parts, then the other names', () => {
  expect(listOfPhases(PHASES.slice(0, 2), { 'etcd local': ['etcd'] }).split('\n')).toEqual([
    'certs         do certs',
    '  /ca',
    '  /apiserver',
    '  /sa',
    'etcd          do etcd',
    'etcd local    = etcd',
  ]);
});
