import { describe, expect, test } from 'vitest';
import {
  COMPONENT_NAMES,
  componentsOf,
  imageName,
  installPath,
  isImage,
  releaseFor,
} from '../../../src/components/catalog.ts';
import { EXIT, UserError } from '../../../src/errors.ts';

describe('a release', () => {
  test('is found with and without v', () => {
    expect(releaseFor('1.36.3')).toBe(releaseFor('v1.36.3'));
    expect(releaseFor('1.36.3')).toMatchObject({
      kubernetes: 'v1.36.3',
      etcd: '3.6.8',
      containerd: 'v2.3.7',
    });
  });

  test.each(['1.36', 'v1.36.30', '', '../v1.36.3', 'latest'])(
    '%j is none, and the known ones are named',
    (version) => {
      const found = (() => {
        try {
          return releaseFor(version);
        } catch (error) {
          return error;
        }
      })();
      expect(found).toBeInstanceOf(UserError);
      expect(found).toMatchObject({ exitCode: EXIT.usage, remedy: expect.stringContaining('v1.36.3') });
    },
  );

  test('says no more of a version than a line holds', () => {
    expect(() => releaseFor('9'.repeat(10_000))).toThrow(/^.{1,100}$/);
  });
});

describe('what a node needs', () => {
  test('a worker runs pods, with DNS among them', () => {
    expect(componentsOf('worker')).toEqual(
      expect.arrayContaining(['kubelet', 'containerd', 'runc', 'cni-bridge', 'image-pause', 'image-coredns']),
    );
    expect(componentsOf('worker')).not.toContain('image-etcd');
  });

  test('a control plane needs all that a worker needs, and itself', () => {
    expect(componentsOf('control-plane')).toEqual(
      expect.arrayContaining([...componentsOf('worker'), 'kubectl', 'image-etcd', 'image-kube-apiserver']),
    );
  });

  test.each(['control-plane', 'worker'] as const)('a %s needs nothing that is for tests', (role) => {
    const names = componentsOf(role);
    expect(new Set(names).size).toBe(names.length);
    expect(names).not.toContain('kubeadm');
    expect(names).not.toContain('image-agnhost');
  });

  test("a caller cannot change the catalog's list", () => {
    componentsOf('worker').push('kubeadm');
    expect(componentsOf('worker')).not.toContain('kubeadm');
  });
});

describe('names', () => {
  const release = releaseFor('v1.36.3');

  test.each([
    ['image-kube-apiserver', 'registry.k8s.io/kube-apiserver:v1.36.3'],
    ['image-etcd', 'registry.k8s.io/etcd:3.6.8-0'],
    ['image-coredns', 'registry.k8s.io/coredns/coredns:v1.14.2'],
    ['image-pause', 'registry.k8s.io/pause:3.10.2'],
    ['image-agnhost', 'registry.k8s.io/e2e-test-images/agnhost:2.63.0'],
  ] as const)('%s is %s', (component, name) => {
    expect(imageName(component, release)).toBe(name);
  });

  test('no two images share a name, no two binaries a path', () => {
    const images = COMPONENT_NAMES.filter(isImage).map((name) => imageName(name, release));
    const paths = COMPONENT_NAMES.filter((name) => !isImage(name)).map(installPath);
    expect(new Set(images).size).toBe(images.length);
    expect(new Set(paths).size).toBe(paths.length);
    expect(images.length + paths.length).toBe(COMPONENT_NAMES.length);
  });

  test.each([
    ['kubelet', '/usr/local/bin/kubelet'],
    ['runc', '/usr/local/sbin/runc'],
    ['cni-host-local', '/opt/cni/bin/host-local'],
    ['containerd-shim-runc-v2', '/usr/local/bin/containerd-shim-runc-v2'],
  ] as const)('%s goes to %s', (component, path) => {
    expect(installPath(component)).toBe(path);
  });

  test('an image goes nowhere', () => {
    expect(() => installPath('image-pause')).toThrow('image-pause');
  });
});
