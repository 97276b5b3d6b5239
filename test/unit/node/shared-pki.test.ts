import { describe, expect, it } from 'vitest';
import { etcdSettings } from '../../../src/config/control-plane.ts';
import { sharedFiles } from '../../../src/node/shared-pki.ts';

const PKI = '/etc/kubernetes/pki';

describe('sharedFiles', () => {
  it('are those of the Secret that kubeadm makes, keys for root alone', () => {
    const files = sharedFiles(etcdSettings(undefined));
    expect(Object.fromEntries(files.map(({ name, path }) => [name, path]))).toEqual({
      'ca.crt': `${PKI}/ca.crt`,
      'ca.key': `${PKI}/ca.key`,
      'etcd-ca.crt': `${PKI}/etcd/ca.crt`,
      'etcd-ca.key': `${PKI}/etcd/ca.key`,
      'front-proxy-ca.crt': `${PKI}/front-proxy-ca.crt`,
      'front-proxy-ca.key': `${PKI}/front-proxy-ca.key`,
      'sa.key': `${PKI}/sa.key`,
      'sa.pub': `${PKI}/sa.pub`,
    });
    expect(files.filter(({ mode, name }) => mode === 0o644 && !name.endsWith('.crt'))).toEqual([]);
  });

  it('hold the certificate for an external etcd in place of its authority', () => {
    const etcd = {
      external: { endpoints: ['https://e:2379'], caFile: '/e/ca', certFile: '/e/crt', keyFile: '/e/key' },
    };
    const files = sharedFiles(etcdSettings(etcd)).filter(({ name }) => name.includes('etcd'));
    expect(files).toEqual([
      { name: 'external-etcd-ca.crt', path: '/e/ca', mode: 0o644 },
      { name: 'external-etcd.crt', path: '/e/crt', mode: 0o644 },
      { name: 'external-etcd.key', path: '/e/key', mode: 0o600 },
    ]);
  });
});
