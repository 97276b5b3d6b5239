import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { unknownChecks } from '../../../src/node/check-names.ts';

test('a name that is no check’s is told, with the one that was probably meant', () => {
  expect(unknownChecks(['Swpa', 'Foo', 'Swap'])).toEqual([
    '--ignore-preflight-errors: there is no check "Swpa"; was Swap meant?',
    expect.stringMatching(/there is no check "Foo"/),
  ]);
});

test.each([
  [['all', 'numcpu', 'MEM']],
  [['Port-6443', 'FileAvailable--etc-kubernetes-kubelet.conf', 'Service-kubelet', 'FileContent--proc-x']],
  [['IsPrivilegedUser', 'ImagePull']],
])('names of kadm and kubeadm are known, in whatever case: %j', (names) => {
  expect(unknownChecks(names)).toEqual([]);
});

test('those of docs/commands.md are known', () => {
  const text = readFileSync(new URL('../../../docs/commands.md', import.meta.url), 'utf8');
  const lists = [...text.matchAll(/^Preflight checks[:,] [\s\S]*?\n\n/gm)].map(([list]) => list);
  const names = lists.flatMap((list) => [...list.matchAll(/`([A-Z][A-Za-z]*-?[^` ]*)`/g)]);
  expect(names.length).toBeGreaterThan(15);
  expect(unknownChecks(names.flatMap(([, name]) => name ?? []))).toEqual([]);
});
