import { createPublicKey, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_VALIDITY } from '../../../src/pki/issue.ts';
import { credentialsFrom } from '../../../src/pki/kubeconfig.ts';
import { type PkiFile, planPki } from '../../../src/pki/pki.ts';
import { CERTS_PARTS, KUBECONFIG_PARTS, type PkiSettings } from '../../../src/pki/table.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const PKI = '/etc/kubernetes/pki';
const AGENT = '/var/lib/kadm/agent/client.pem';
const [SERVER, CLIENT] = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];

const SETTINGS: PkiSettings = {
  nodeName: 'h1',
  advertiseAddress: '192.0.2.1',
  controlPlaneHost: 'api.example.org',
  serviceAddresses: ['10.96.0.1', 'fd00::1'],
  dnsDomain: 'cluster.test',
  certSANs: ['extra.example.org', '192.0.2.9'],
  keyAlgorithm: 'ECDSA-P256',
  validity: DEFAULT_VALIDITY,
  clusterName: 'kubernetes',
  server: 'https://api.example.org:6443',
  localServer: 'https://192.0.2.1:6443',
};

let files = new Map<string, PkiFile>();
const content = (path: string): string => files.get(path)?.content ?? '';
const certificate = (path: string): X509Certificate => new X509Certificate(content(path));

beforeAll(async () => {
  files = new Map((await planPki(SETTINGS, new Map(), NOW)).map((file) => [file.path, file]));
});

describe('a new PKI', () => {
  test('is these files, with private ones for root only', () => {
    const pairs = [
      'ca',
      'front-proxy-ca',
      'etcd/ca',
      'apiserver',
      'apiserver-kubelet-client',
      'front-proxy-client',
    ];
    const etcd = ['etcd/server', 'etcd/peer', 'etcd/healthcheck-client', 'apiserver-etcd-client'];
    const confs = ['admin', 'super-admin', 'kubelet', 'controller-manager', 'scheduler'];
    const readable = [...pairs, ...etcd].map((name) => `${PKI}/${name}.crt`);
    const secret = [
      ...[...pairs, ...etcd, 'sa'].map((name) => `${PKI}/${name}.key`),
      `${PKI}/sa.pub`,
      ...confs.map((name) => `/etc/kubernetes/${name}.conf`),
      AGENT,
    ];
    const modes = [...files.values()].map(({ path, mode }) => [path, mode]).sort();
    expect(modes).toEqual(
      [...readable.map((path) => [path, 0o644]), ...secret.map((path) => [path, 0o600])].sort(),
    );
  });

  test.each([
    ['ca', 'kubernetes'],
    ['front-proxy-ca', 'front-proxy-ca'],
    ['etcd/ca', 'etcd-ca'],
  ])('%s is an authority named %s for ten years, backdated by five minutes', (file, name) => {
    const authority = certificate(`${PKI}/${file}.crt`);
    expect(authority.ca).toBe(true);
    expect(authority.subject).toBe(`CN=${name}`);
    expect(authority.subjectAltName).toBe(`DNS:${name}`);
    expect(authority.verify(authority.publicKey)).toBe(true);
    expect(authority.validFromDate).toEqual(new Date(NOW.getTime() - 300_000));
    expect(authority.validToDate).toEqual(new Date(NOW.getTime() + 87_600 * 3_600_000));
  });

  test.each([
    ['apiserver', 'kube-apiserver', [SERVER], 'ca'],
    ['apiserver-kubelet-client', 'kube-apiserver-kubelet-client', [CLIENT], 'ca'],
    ['front-proxy-client', 'front-proxy-client', [CLIENT], 'front-proxy-ca'],
    ['etcd/server', 'h1', [SERVER, CLIENT], 'etcd/ca'],
    ['etcd/peer', 'h1', [SERVER, CLIENT], 'etcd/ca'],
    ['etcd/healthcheck-client', 'kube-etcd-healthcheck-client', [CLIENT], 'etcd/ca'],
    ['apiserver-etcd-client', 'kube-apiserver-etcd-client', [CLIENT], 'etcd/ca'],
  ])('%s is for %s, for its use only, for a year', (file, name, usages, authority) => {
    const leaf = certificate(`${PKI}/${file}.crt`);
    expect(leaf.subject).toBe(`CN=${name}`);
    expect(leaf.keyUsage).toEqual(usages);
    expect(leaf.ca).toBe(false);
    expect(leaf.verify(certificate(`${PKI}/${authority}.crt`).publicKey)).toBe(true);
    expect(createPublicKey(content(`${PKI}/${file}.key`)).equals(leaf.publicKey)).toBe(true);
    expect(leaf.validToDate).toEqual(new Date(NOW.getTime() + 8_760 * 3_600_000));
  });

  test.each([
    ['admin', 'O=kubeadm:cluster-admins\nCN=kubernetes-admin', SETTINGS.server],
    ['super-admin', 'O=system:masters\nCN=kubernetes-super-admin', SETTINGS.server],
    ['kubelet', 'O=system:nodes\nCN=system:node:h1', SETTINGS.localServer],
    ['controller-manager', 'CN=system:kube-controller-manager', SETTINGS.localServer],
    ['scheduler', 'CN=system:kube-scheduler', SETTINGS.localServer],
  ])('%s.conf is for %j at %s', (name, subject, server) => {
    const found = credentialsFrom(content(`/etc/kubernetes/${name}.conf`));
    const client = new X509Certificate(found.certPem ?? '');
    expect([found.server, client.subject, client.keyUsage]).toEqual([server, subject, [CLIENT]]);
    expect(found.caPem).toBe(content(`${PKI}/ca.crt`));
    expect(client.verify(certificate(`${PKI}/ca.crt`).publicKey)).toBe(true);
    expect(createPublicKey(found.keyPem ?? '').equals(client.publicKey)).toBe(true);
  });

  test('has an identity for the agent, key and certificate in one file', () => {
    const agent = certificate(AGENT);
    expect(agent.subject).toBe('O=kadm:agents\nO=kadm:control-plane-agents\nCN=kadm:agent:h1');
    expect(agent.keyUsage).toEqual([CLIENT]);
    expect(
      createPublicKey(content(AGENT).slice(content(AGENT).indexOf('-----BEGIN EC'))).equals(agent.publicKey),
    ).toBe(true);
  });

  test('lets the API server be called by all its names', () => {
    expect(certificate(`${PKI}/apiserver.crt`).subjectAltName?.split(', ').sort()).toEqual([
      'DNS:api.example.org',
      'DNS:extra.example.org',
      'DNS:h1',
      'DNS:kubernetes',
      'DNS:kubernetes.default',
      'DNS:kubernetes.default.svc',
      'DNS:kubernetes.default.svc.cluster.test',
      'IP Address:10.96.0.1',
      'IP Address:192.0.2.1',
      'IP Address:192.0.2.9',
      'IP Address:FD00:0:0:0:0:0:0:1',
    ]);
  });

  test.each(['server', 'peer'])('lets etcd be called as %s by its address and from its own host', (name) => {
    expect(certificate(`${PKI}/etcd/${name}.crt`).subjectAltName).toBe(
      'DNS:h1, DNS:localhost, IP Address:192.0.2.1, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
  });

  test('has a pair for service account tokens', () => {
    expect(createPublicKey(content(`${PKI}/sa.key`)).equals(createPublicKey(content(`${PKI}/sa.pub`)))).toBe(
      true,
    );
  });

  test('shares no key between any two files', () => {
    const keys = [...files.values()].filter(({ path }) => path.endsWith('.key'));
    expect(new Set(keys.map((file) => file.content)).size).toBe(keys.length);
  });
});

describe('the parts of a PKI', () => {
  const plan = async (parts: string[], existing: Iterable<string> = []): Promise<Map<string, string>> => {
    const there = new Map([...existing].map((path) => [path, content(path)]));
    return new Map((await planPki(SETTINGS, there, NOW, parts)).map((file) => [file.path, file.content]));
  };
  const pairOf = (file: string): string[] => [`${PKI}/${file}.key`, `${PKI}/${file}.crt`];

  test('are named as kubeadm names them, and one of kadm’s own', () => {
    expect(CERTS_PARTS).toEqual([
      'ca',
      'apiserver',
      'apiserver-kubelet-client',
      'front-proxy-ca',
      'front-proxy-client',
      'etcd-ca',
      'etcd-server',
      'etcd-peer',
      'etcd-healthcheck-client',
      'apiserver-etcd-client',
      'sa',
    ]);
    expect(KUBECONFIG_PARTS).toEqual([
      ...['admin', 'super-admin', 'kubelet', 'controller-manager', 'scheduler'],
      'agent',
    ]);
  });

  test('make all files together, and none of them twice', async () => {
    const made: string[] = [];
    for (const part of [...CERTS_PARTS, ...KUBECONFIG_PARTS])
      made.push(...(await plan([part], files.keys())).keys());
    expect(made.sort()).toEqual([...files.keys()].sort());
  });

  test('are an authority alone', async () => {
    expect([...(await plan(['etcd-ca'])).keys()]).toEqual(pairOf('etcd/ca'));
  });

  test.each([
    ['apiserver', 'ca', pairOf('apiserver')],
    ['etcd-peer', 'etcd/ca', pairOf('etcd/peer')],
    ['admin', 'ca', ['/etc/kubernetes/admin.conf']],
    ['agent', 'ca', [AGENT]],
  ])('%s is signed by the authority %s that is there, and made alone', async (part, id, paths) => {
    const made = await plan([part], pairOf(id));
    expect([...made.keys()]).toEqual(paths);
    const text = made.get(paths.at(-1) ?? '') ?? '';
    const pem = part === 'admin' ? (credentialsFrom(text).certPem ?? '') : text;
    expect(new X509Certificate(pem).verify(certificate(`${PKI}/${id}.crt`).publicKey)).toBe(true);
  });

  test.each([
    ['apiserver', 'ca', 'ca'],
    ['etcd-server', 'etcd/ca', 'etcd-ca'],
    ['front-proxy-client', 'front-proxy-ca', 'front-proxy-ca'],
    ['scheduler', 'ca', 'ca'],
    ['agent', 'ca', 'ca'],
  ])('%s is not made without its authority %s: none is made up for it', async (part, id, authority) => {
    await expect(plan([part])).rejects.toMatchObject({
      name: 'UserError',
      message: `${PKI}/${id}.crt, the authority that has to sign, is not there`,
      remedy: expect.stringContaining(`\`kadm init phase certs ${authority}\` makes one`),
    });
  });

  test('ask of an external authority what they need alone', async () => {
    const existing = [`${PKI}/ca.crt`, ...pairOf('etcd/ca')];
    expect([...(await plan(['ca', 'etcd-server'], existing)).keys()]).toEqual([
      `${PKI}/ca.crt`,
      ...pairOf('etcd/server'),
    ]);
    await expect(plan(['apiserver'], existing)).rejects.toMatchObject({
      message: expect.stringMatching(/external authority has to sign .*:\n {2}\S+\/pki\/apiserver\.crt$/),
    });
  });

  test('are not there where somebody else runs etcd', async () => {
    expect(
      await planPki({ ...SETTINGS, etcd: 'external' }, new Map(), NOW, ['etcd-ca', 'etcd-peer']),
    ).toEqual([]);
  });
});

describe('the etcd of a control plane', () => {
  const named = async (etcd: PkiSettings['etcd']): Promise<Map<string, PkiFile>> => {
    const planned = await planPki({ ...SETTINGS, ...(etcd && { etcd }) }, new Map(), NOW);
    return new Map(planned.map((file) => [file.path, file]));
  };

  test('has the further names that it is given, each certificate its own', async () => {
    const found = await named({ serverSANs: ['etcd.example.org'], peerSANs: ['203.0.113.8'] });
    const names = (file: string): string | undefined =>
      new X509Certificate(found.get(`${PKI}/etcd/${file}.crt`)?.content ?? '').subjectAltName;
    expect(names('server')).toContain('DNS:etcd.example.org');
    expect(names('server')).not.toContain('203.0.113.8');
    expect(names('peer')).toContain('IP Address:203.0.113.8');
  });

  test('has no certificates here when somebody else runs it', async () => {
    const all = await named(undefined);
    const without = [...all.keys()].filter((path) => !path.includes('etcd'));
    expect([...(await named('external')).keys()].sort()).toEqual(without.sort());
  });
});
