import { describe, expect, it } from 'vitest';
import { apiObject, configuration, kubeconfig, staticPod } from '../../compare/normalise.ts';

describe('what is compared', () => {
  it('of a static pod has its arguments by name, and no status', () => {
    const text = `
kind: Pod
metadata: { annotations: null }
spec: { containers: [{ name: etcd, command: [etcd, --name=h1, "--a=b=c", --flag] }] }
status: {}
`;
    expect(staticPod(text)).toEqual({
      kind: 'Pod',
      spec: {
        containers: [{ name: 'etcd', program: 'etcd', args: { '--name': 'h1', '--a': 'b=c', '--flag': '' } }],
      },
    });
  });

  it('of a configuration leaves out what is not set, and keeps what is', () => {
    const written = { a: '0s', b: 0, c: false, d: null, e: {}, f: [], g: 'x', h: true, i: { j: 1, k: '' } };
    expect(configuration(written)).toEqual({ g: 'x', h: true, i: { j: 1 } });
  });

  it('of an object keeps fields that are false or zero', () => {
    const object = {
      kind: 'Deployment',
      metadata: { name: 'a' },
      spec: { replicas: 0, paused: false, x: null },
    };
    expect(apiObject(object)).toEqual({ kind: 'Deployment', spec: { replicas: 0, paused: false } });
  });

  it('of a Secret has what it says, but for what was made up', () => {
    const data = { description: 'bWFkZQ==', 'token-secret': 'c2VjcmV0' };
    const object = { kind: 'Secret', metadata: { name: 'bootstrap-token-abcdef' }, data };
    expect(apiObject(object)).toEqual({
      kind: 'Secret',
      data: { description: 'made', 'token-secret': 'made up' },
    });
  });

  it('of cluster-info has signatures whatever the token is', () => {
    const object = {
      kind: 'ConfigMap',
      metadata: { name: 'cluster-info' },
      data: { 'jws-kubeconfig-abcdef': 'ey' },
    };
    expect(apiObject(object)).toMatchObject({ data: { 'jws-kubeconfig-ID': 'a signature' } });
  });

  it('of a kubeconfig has where it leads, and no key', () => {
    const text = `
clusters: [{ name: kubernetes, cluster: { server: "https://h1:6443", certificate-authority-data: QQ== } }]
contexts: []
users: [{ name: me, user: { client-certificate: /a.pem, client-key: /a.pem } }]
`;
    expect(kubeconfig(text)).toMatchObject({
      clusters: [{ cluster: { server: 'https://h1:6443', 'certificate-authority-data': 'a certificate' } }],
      users: [{ name: 'me', user: { 'client-certificate': '/a.pem', 'client-key': '/a.pem' } }],
    });
  });
});
