import { describe, expect, test } from 'vitest';
import { objectPath } from '../../../src/kube/objects.ts';

describe("an object's path", () => {
  test.each([
    ['v1', 'Node', undefined, '/api/v1/nodes/x'],
    ['v1', 'ConfigMap', 'kube-system', '/api/v1/namespaces/kube-system/configmaps/x'],
    ['apps/v1', 'Deployment', 'default', '/apis/apps/v1/namespaces/default/deployments/x'],
    [
      'rbac.authorization.k8s.io/v1',
      'ClusterRole',
      undefined,
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/x',
    ],
  ])('of %s %s in namespace %s', (apiVersion, kind, namespace, path) => {
    const metadata = namespace === undefined ? { name: 'x' } : { name: 'x', namespace };
    expect(objectPath({ apiVersion, kind, metadata })).toBe(path);
  });

  test('stays the path of one object whatever its name', () => {
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'kadm:a/../b?c' },
    };
    expect(objectPath(role)).toBe('/apis/rbac.authorization.k8s.io/v1/clusterroles/kadm%3Aa%2F..%2Fb%3Fc');
  });

  test('of a kind that is not known is a bug, not a guess', () => {
    expect(() => objectPath({ apiVersion: 'v1', kind: 'Fish', metadata: { name: 'x' } })).toThrow(/Fish/);
  });
});
