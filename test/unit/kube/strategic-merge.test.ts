import { describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../../src/kube/json-patch.ts';
import { strategicMerge } from '../../../src/kube/strategic-merge.ts';

const POD: JsonObject = {
  metadata: { labels: { tier: 'control-plane' }, finalizers: ['a'] },
  spec: {
    containers: [
      {
        name: 'c',
        command: ['c', '--x=1'],
        env: [{ name: 'A', value: '1' }],
        ports: [{ containerPort: 80, name: 'web' }],
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      },
    ],
    volumes: [{ name: 'v', hostPath: { path: '/v' } }],
    tolerations: [{ key: 'old' }],
  },
};

const merged = (patch: Json): JsonObject => strategicMerge(POD, patch, 'kubernetes');
// biome-ignore lint/suspicious/noExplicitAny: a test looks into plain data
const container = (patch: Json): any => {
  const { spec } = merged({ spec: { containers: [{ name: 'c', ...(patch as JsonObject) }] } });
  return (spec as { containers: unknown[] }).containers[0];
};

describe('strategicMerge', () => {
  it('merges lists whose entries have names, and replaces the others', () => {
    expect(container({ env: [{ name: 'B', value: '2' }] }).env).toEqual([
      { name: 'A', value: '1' },
      { name: 'B', value: '2' },
    ]);
    expect(container({ volumeMounts: [{ mountPath: '/v', readOnly: true }] }).volumeMounts).toEqual([
      { name: 'v', mountPath: '/v', readOnly: true },
    ]);
    expect(container({ ports: [{ containerPort: 80, name: 'x' }] }).ports).toEqual([
      { containerPort: 80, name: 'x' },
    ]);
    expect(container({ command: ['d'] }).command).toEqual(['d']);
    expect(merged({ spec: { tolerations: [{ key: 'new' }] } }).spec).toMatchObject({
      tolerations: [{ key: 'new' }],
    });
  });

  it('adds, changes and takes away fields', () => {
    expect(merged({ metadata: { labels: { mine: 'yes', tier: null } } }).metadata).toEqual({
      labels: { mine: 'yes' },
      finalizers: ['a'],
    });
  });

  it('adds to sets of values, and takes values out of them', () => {
    expect(merged({ metadata: { finalizers: ['a', 'b'] } }).metadata).toMatchObject({
      finalizers: ['a', 'b'],
    });
    expect(merged({ metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } }).metadata).toMatchObject({
      finalizers: [],
    });
  });

  it('follows $patch in entries, lists and objects', () => {
    expect(container({ env: [{ name: 'A', $patch: 'delete' }] }).env).toEqual([]);
    expect(container({ env: [{ $patch: 'replace' }, { name: 'B', value: '2' }] }).env).toEqual([
      { name: 'B', value: '2' },
    ]);
    expect(merged({ metadata: { labels: { $patch: 'replace', only: 'this' } } }).metadata).toMatchObject({
      labels: { only: 'this' },
    });
    expect(() => merged({ metadata: { $patch: 'turn' } })).toThrow('$patch is not one of');
  });

  it('follows $retainKeys and $setElementOrder', () => {
    const volumes = [{ name: 'v', $retainKeys: ['name', 'emptyDir'], emptyDir: {} }];
    expect(merged({ spec: { volumes } }).spec).toMatchObject({ volumes: [{ name: 'v', emptyDir: {} }] });
    const env = [{ name: 'B', value: '2' }];
    expect(container({ env, '$setElementOrder/env': [{ name: 'B' }, { name: 'A' }] }).env).toEqual([
      { name: 'B', value: '2' },
      { name: 'A', value: '1' },
    ]);
  });

  it('asks for the name of an entry', () => {
    expect(() => merged({ spec: { containers: [{ image: 'x' }] } })).toThrow('has to name its name');
  });

  it('replaces every list where lists have no names, as in KubeletConfiguration', () => {
    const patch = { env: [{ name: 'B' }], deep: { a: 1 } };
    expect(strategicMerge({ env: [{ name: 'A' }], deep: { b: 2 } }, patch, 'replaced')).toEqual({
      env: [{ name: 'B' }],
      deep: { a: 1, b: 2 },
    });
  });

  it('leaves what it was given as it was', () => {
    const before = structuredClone(POD);
    merged({ spec: { containers: [{ name: 'c', env: [{ name: 'A', $patch: 'delete' }] }] } });
    expect(POD).toEqual(before);
  });
});
