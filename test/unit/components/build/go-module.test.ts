import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import {
  addedSums,
  demandKnownSum,
  type GoModule,
  goVersionOf,
  knownSum,
  stagingModules,
  wrapperGoMod,
  wrapperGoSum,
} from '../../../../src/components/build/go-module.ts';
import { MODULE_SUMS } from '../../../../src/components/build/module-sums.ts';
import { GO_GROUPS } from '../../../../src/components/build/programs.ts';
import { releaseFor } from '../../../../src/components/catalog.ts';
import { UserError } from '../../../../src/errors.ts';
import { scratchFolders } from '../scratch.ts';

const scratch = scratchFolders();

const module = (path: string, version: string, directory = '/none'): GoModule => ({
  Path: path,
  Version: version,
  GoMod: `${directory}/go.mod`,
  Dir: directory,
  Sum: 'h1:good=',
});

const KUBERNETES = `module k8s.io/kubernetes

go 1.26.0

require k8s.io/api v0.0.0

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\tk8s.io/kubelet => ./staging/src/k8s.io/kubelet
)
replace example.org/fork => example.org/other v1.0.0
`;

describe('what a go.mod says', () => {
  test('of the modules that it replaces by its own staging folder', () => {
    expect(stagingModules(KUBERNETES)).toEqual(['k8s.io/api', 'k8s.io/kubelet']);
    expect(stagingModules('replace k8s.io/api => ./staging/src/k8s.io/api')).toEqual(['k8s.io/api']);
    expect(stagingModules('replace a => ../a')).toEqual([]);
  });

  test('of the Go that it asks for', () => {
    expect(goVersionOf(KUBERNETES)).toBe('1.26.0');
    expect(goVersionOf('module x')).toBeUndefined();
  });
});

describe('the wrapper', () => {
  test('takes the libraries of v1.36.3 as the modules v0.36.3', () => {
    const text = wrapperGoMod('kubernetes', [
      { module: module('k8s.io/kubernetes', 'v1.36.3'), goMod: KUBERNETES },
    ]);
    expect(text).toMatch(/^go 1\.26\.0$/m);
    expect(text).toMatch(/^\tk8s\.io\/kubernetes v1\.36\.3$/m);
    expect(text).toMatch(/^\tk8s\.io\/api => k8s\.io\/api v0\.36\.3$/m);
    expect(text).not.toContain('example.org');
  });

  test('requires several modules, and replaces nothing that has no staging folder', () => {
    const goMod = 'module e\n\ngo 1.24.0\n\nreplace go.etcd.io/etcd/api/v3 => ../api\n';
    const modules = ['server', 'etcdctl'].map((name) => module(`go.etcd.io/etcd/${name}/v3`, 'v3.6.8'));
    const text = wrapperGoMod(
      'etcd',
      modules.map((one) => ({ module: one, goMod })),
    );
    expect(text).toContain('go.etcd.io/etcd/server/v3 v3.6.8');
    expect(text).toContain('go.etcd.io/etcd/etcdctl/v3 v3.6.8');
    expect(text).not.toContain('replace');
  });

  test('knows the sums of all that the modules require, each once', async () => {
    const folders = [await scratch(), await scratch()];
    for (const folder of folders) {
      await mkdir(folder, { recursive: true });
      await writeFile(`${folder}/go.sum`, 'b v1.0.0 h1:b=\na v1.0.0 h1:a=\n');
    }
    const sums = await wrapperGoSum(
      '\nc v1.0.0 h1:c=\n',
      folders.map((folder) => module('x', 'v1.0.0', folder)),
    );
    expect(sums).toBe('a v1.0.0 h1:a=\nb v1.0.0 h1:b=\nc v1.0.0 h1:c=\n');
  });
});

describe('sums', () => {
  const SUMS = 'k8s.io/api v0.36.3 h1:good=\nk8s.io/api v0.36.3/go.mod h1:mod=\n';

  test('are those of the content, not of the go.mod', () => {
    expect(knownSum(SUMS, 'k8s.io/api', 'v0.36.3')).toBe('h1:good=');
    expect(knownSum(SUMS, 'k8s.io/api', 'v0.36.4')).toBeUndefined();
  });

  test('a module that has another one stops the build, and both are said', () => {
    const changed = { ...module('k8s.io/api', 'v0.36.3'), Sum: 'h1:bad=' };
    expect(() => demandKnownSum(changed, SUMS)).toThrow(UserError);
    expect(() => demandKnownSum(changed, SUMS)).toThrow(/h1:bad=.*h1:good=/);
    expect(() => demandKnownSum(module('k8s.io/api', 'v0.36.3'), SUMS)).not.toThrow();
  });

  test('a module of which none is known is never built', () => {
    expect(() => demandKnownSum(module('k8s.io/new', 'v1.0.0'), SUMS)).toThrow(
      'no sum is known of k8s.io/new@v1.0.0',
    );
  });

  test('that Go had to add show, in whatever order it wrote the others', () => {
    expect(addedSums('b 1 h1:b=\na 1 h1:a=\n', 'a 1 h1:a=\nb 1 h1:b=\n')).toEqual([]);
    expect(addedSums('a 1 h1:a=\n', 'a 1 h1:a=\nnew 1 h1:n=\n')).toEqual(['new 1 h1:n=']);
  });

  test.each(GO_GROUPS.map((group) => [group.id, group] as const))(
    'are known of all modules of %s',
    (_, group) => {
      const release = releaseFor('v1.36.3');
      const sums = MODULE_SUMS[`${group.id} ${group.version(release)}`] ?? '';
      for (const { path, version } of group.modules(release)) {
        expect(knownSum(sums, path, version)).toMatch(/^h1:[A-Za-z0-9+/]{43}=$/);
        expect(knownSum(sums, path, `${version}/go.mod`)).toMatch(/^h1:/);
      }
      for (const line of sums.split('\n').filter((text) => text !== '')) {
        expect(line).toMatch(/^\S+ v[0-9.]+(\/go\.mod)? h1:[A-Za-z0-9+/]{43}=$/);
      }
    },
  );
});
