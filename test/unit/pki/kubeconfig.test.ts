import { describe, expect, test } from 'vitest';
import { EXIT, UserError } from '../../../src/errors.ts';
import {
  buildClusterInfo,
  buildKubeconfig,
  certificateFileOf,
  credentialsFrom,
  credentialsIn,
} from '../../../src/pki/kubeconfig.ts';

const CLUSTER = { server: 'https://192.0.2.1:6443', caPem: 'CA\n', clusterName: 'kubernetes' };

describe('a kubeconfig', () => {
  test('is written as kubeadm writes it', () => {
    const text = buildKubeconfig({
      ...CLUSTER,
      userName: 'kubernetes-admin',
      certPem: 'CERT\n',
      keyPem: 'KEY\n',
    });
    expect(text).toBe(`apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0EK
    server: https://192.0.2.1:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: kubernetes-admin
  name: kubernetes-admin@kubernetes
current-context: kubernetes-admin@kubernetes
kind: Config
users:
- name: kubernetes-admin
  user:
    client-certificate-data: Q0VSVAo=
    client-key-data: S0VZCg==
`);
  });

  test('gives back what was put into it', () => {
    const user = { certPem: 'CERT\n', keyPem: 'KEY\n' };
    const { server, caPem } = CLUSTER;
    expect(credentialsFrom(buildKubeconfig({ ...CLUSTER, userName: 'x', ...user }))).toEqual({
      server,
      caPem,
      ...user,
    });
    expect(credentialsFrom(buildKubeconfig({ ...CLUSTER, userName: 'x', token: 'T' }))).toEqual({
      server,
      caPem,
      token: 'T',
    });
  });

  test('keeps a long certificate on one line', () => {
    const text = buildKubeconfig({ ...CLUSTER, caPem: 'x'.repeat(3000), userName: 'x' });
    expect(text).toMatch(/certificate-authority-data: \S{4000}\n/);
  });

  test('may name a file in which somebody else renews the certificate', () => {
    const text = buildKubeconfig({
      ...CLUSTER,
      userName: 'system:node:h1',
      certificateFile: '/var/lib/x.pem',
    });
    expect(certificateFileOf(text)).toBe('/var/lib/x.pem');
    expect(credentialsFrom(text)).not.toHaveProperty('certPem');
    const { certPem, keyPem } = credentialsFrom(text, (path) => `content of ${path}`);
    expect([certPem, keyPem]).toEqual(['content of /var/lib/x.pem', 'content of /var/lib/x.pem']);
  });

  test.each([
    ['empty', ''],
    ['not YAML', 'a: [b'],
    ['a list', '- 1\n'],
    ['without a cluster', 'clusters: []\n'],
    ['without TLS', buildKubeconfig({ ...CLUSTER, server: 'http://192.0.2.1', userName: 'x' })],
    [
      'with a CA that is not base64',
      buildKubeconfig({ ...CLUSTER, userName: 'x' }).replace('Q0EK', '"%%%%"'),
    ],
  ])('that is %s is refused without being repeated', (_, text) => {
    expect(() => credentialsFrom(text)).toThrow(UserError);
    expect(() => credentialsFrom(text)).toThrow(/^this is not a kubeconfig with its CA certificate inside$/);
  });
});

describe('a kubeconfig that somebody named', () => {
  test('is named when it is none', () => {
    expect(() => credentialsIn('/etc/hostname', 'h1\n')).toThrow(
      expect.objectContaining({
        message: '/etc/hostname: this is not a kubeconfig with its CA certificate inside',
        remedy: expect.stringContaining('name a kubeconfig of the cluster'),
        exitCode: EXIT.usage,
      }),
    );
  });

  test('is named when a file that it names cannot be read', () => {
    const text = buildKubeconfig({ ...CLUSTER, userName: 'x', certificateFile: '/gone.pem' });
    const readFile = (path: string): string => {
      throw new Error(`ENOENT: ${path}`);
    };
    expect(() => credentialsIn('jane.conf', text, readFile)).toThrow(
      expect.objectContaining({
        message: 'jane.conf: it names what cannot be read: ENOENT: /gone.pem',
        exitCode: EXIT.usage,
      }),
    );
  });
});

describe('the kubeconfig of cluster-info', () => {
  test('tells where the cluster is, and has no user', () => {
    const text = buildClusterInfo(CLUSTER.server, CLUSTER.caPem);
    expect(credentialsFrom(text)).toEqual({ server: CLUSTER.server, caPem: CLUSTER.caPem });
    expect(text).toContain('\nusers: null\n');
    expect(text).toContain('  name: ""\n');
  });
});
