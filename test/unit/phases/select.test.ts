import { describe, expect, test } from 'vitest';
import { listOfPhases, onlyPhases, phasesNamed } from '../../../src/phases/select.ts';

const PHASES = ['certs', 'etcd', 'apiserver', 'scheduler', 'addon-coredns'].map((id) => ({
  id,
  title: `do ${id}`,
}));
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
  ])('%s', (name, ids) => expect(phasesNamed(name, PHASES, NAMES)).toEqual(ids));

  test.each([['nothing'], ['control-plane certs'], ['addon coredns now'], [''], ['all']])(
    'not %j',
    (name) => {
      expect(() => phasesNamed(name, PHASES, NAMES)).toThrow(`there is no phase ${JSON.stringify(name)}`);
    },
  );
});

test.each([
  ['addon/core-dns', 'did you mean addon-coredns?'],
  ['certs apiserver', 'certs is one phase here'],
])('%s is not one, and which is is said', (name, remedy) => {
  expect(() => phasesNamed(name, PHASES, NAMES)).toThrow(
    expect.objectContaining({ remedy: expect.stringContaining(remedy) }),
  );
});

test('phases alone need only each other', () => {
  const run = async (): Promise<void> => {};
  const table = [
    { id: 'a', title: '', needs: [], run },
    { id: 'b', title: '', needs: ['a'], run },
    { id: 'c', title: '', needs: ['a', 'b'], run },
  ];
  expect(onlyPhases(table, ['c', 'b']).map(({ id, needs }) => [id, needs])).toEqual([
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
  expect(onlyPhases(table, ['a', 'c']).map(({ id, needs }) => [id, needs])).toEqual([
    ['a', []],
    ['c', ['a']],
  ]);
});

test('the list shows phases, then the other names', () => {
  expect(listOfPhases(PHASES.slice(0, 2), { 'etcd local': ['etcd'] })).toBe(
    'certs       do certs\netcd        do etcd\netcd local  = etcd',
  );
});
