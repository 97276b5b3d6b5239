import { describe, expect, test } from 'vitest';
import { goSuffices } from '../../../../src/components/build/go-build.ts';
import {
  DEBIAN_BINARIES,
  GO_GROUPS,
  groupOf,
  outputName,
  PROGRAMS,
  programsOf,
} from '../../../../src/components/build/programs.ts';
import { recipeOf } from '../../../../src/components/build/recipe.ts';
import { COMPONENT_NAMES, releaseFor } from '../../../../src/components/catalog.ts';

const RELEASE = releaseFor('v1.36.3');

describe('every component', () => {
  test.each(COMPONENT_NAMES)('%s can be made', (name) => {
    const fromDebian = name in DEBIAN_BINARIES;
    expect(fromDebian).toBe(groupOf(name) === undefined);
    expect(programsOf(name).length > 0).toBe(!fromDebian);
    for (const program of programsOf(name)) {
      if (program === 'pause') continue;
      expect(PROGRAMS[program as keyof typeof PROGRAMS].group).toBe(groupOf(name));
    }
  });

  test('has a recipe of its own', () => {
    const recipes = COMPONENT_NAMES.map((name) => recipeOf(name, RELEASE));
    expect(new Set(recipes).size).toBe(COMPONENT_NAMES.length);
  });

  test('is made anew when what it is made of changes, and only then', () => {
    const newer = { ...RELEASE, etcd: '3.6.9' };
    expect(recipeOf('image-etcd', newer)).not.toBe(recipeOf('image-etcd', RELEASE));
    expect(recipeOf('kubelet', newer)).toBe(recipeOf('kubelet', RELEASE));
    expect(recipeOf('runc', newer)).toBe(recipeOf('runc', RELEASE));
  });
});

describe('programs of one group', () => {
  test.each([
    ['go.etcd.io/etcd/server/v3', 'server'],
    ['github.com/coredns/coredns', 'coredns'],
    ['github.com/containerd/containerd/v2/cmd/ctr', 'ctr'],
    ['example.org/v2/v3', 'example.org'],
  ])('go build calls %s %s', (path, name) => {
    expect(outputName(path)).toBe(name);
  });

  test.each(GO_GROUPS.map((group) => [group.id, group] as const))('%s: no two have one name', (_, group) => {
    const packages = Object.values(PROGRAMS).filter((program) => program.group === group);
    expect(new Set(packages.map((program) => outputName(program.package))).size).toBe(packages.length);
  });

  test("show their release's version", () => {
    const variables = GO_GROUPS.flatMap((group) => Object.entries(group.variables(RELEASE)));
    expect(Object.fromEntries(variables)).toMatchObject({
      'k8s.io/component-base/version.gitVersion': 'v1.36.3',
      'k8s.io/component-base/version.gitMajor': '1',
      'k8s.io/component-base/version.gitMinor': '36',
      'github.com/containerd/containerd/v2/version.Version': 'v2.3.7',
    });
  });
});

describe('a Go', () => {
  test.each([
    ['go1.26.8', 'local'],
    ['go1.27.0', 'local'],
    ['go1.30rc1', 'local'],
    ['go1.26.0', 'auto'],
    ['go1.24.3', 'go1.24.3+auto'],
    ['go1.26.1', 'path'],
  ])('%s with GOTOOLCHAIN=%s suffices', (version, toolchain) => {
    expect(goSuffices(version, toolchain)).toBe(true);
  });

  test.each([
    ['go1.26.7', 'local'],
    ['go1.19.8', 'auto'],
    ['go1.26.0', 'go1.26.0'],
    ['', ''],
    ['devel', 'local'],
  ])('%s with GOTOOLCHAIN=%s does not', (version, toolchain) => {
    expect(goSuffices(version, toolchain)).toBe(false);
  });
});
