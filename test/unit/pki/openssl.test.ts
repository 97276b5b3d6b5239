import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issueAuthority, issueLeaf } from '../../../src/pki/issue.ts';
import { generateKeyPair, type KeyAlgorithm } from '../../../src/pki/keys.ts';
import { credentialsFrom } from '../../../src/pki/kubeconfig.ts';
import { planPki } from '../../../src/pki/pki.ts';
import { AUTHORITIES, CERTIFICATES } from '../../../src/pki/table.ts';
import { PKI_SETTINGS } from './pki-settings.ts';

/* What another implementation of X.509 says of the certificates: openssl, with its strictest checks (RFC 5280). */

const SETTINGS = {
  ...PKI_SETTINGS,
  controlPlaneHost: 'api.example.org',
  server: 'https://api.example.org:6443',
};

/** A search for primes of 2048 bits takes as long as luck has it. */
const SLOW_MS = 60_000;

let folder = '';
const openssl = (...argv: string[]): string =>
  execFileSync('openssl', argv, { encoding: 'utf8', stdio: 'pipe' });
const put = (name: string, content: string): string => {
  const path = join(folder, name.replaceAll('/', '-'));
  writeFileSync(path, content);
  return path;
};
const verify = (authority: string, purpose: string, leaf: string, ...more: string[]): string =>
  openssl('verify', '-x509_strict', '-CAfile', authority, '-purpose', purpose, ...more, leaf).trim();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kadm-pki-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('openssl verify believes', () => {
  const files = new Map<string, string>();
  const at = (path: string): string => put(path, files.get(`/etc/kubernetes/pki/${path}`) ?? '');

  beforeAll(async () => {
    for (const { path, content } of await planPki(SETTINGS, new Map(), new Date())) files.set(path, content);
  });

  test.each(Object.keys(AUTHORITIES))('the authority %s', (id) => {
    const path = at(`${id}.crt`);
    expect(verify(path, 'any', path)).toBe(`${path}: OK`);
  });

  test.each(CERTIFICATES.map(({ file, authority, usages }) => [file, authority, usages] as const))(
    '%s, signed by %s, for its uses',
    (file, authority, usages) => {
      const path = at(`${file}.crt`);
      for (const usage of usages)
        expect(verify(at(`${authority}.crt`), `ssl${usage}`, path)).toBe(`${path}: OK`);
    },
  );

  test('what is signed by an authority that calls its key in its own way, as Go’s do, and finds it again', async () => {
    const [keyFile, certFile] = [join(folder, 'go-ca.key'), join(folder, 'go-ca.crt')];
    const extensions = `basicConstraints=critical,CA:true
keyUsage=critical,keyCertSign
subjectKeyIdentifier=${'A1'.repeat(20)}`;
    const config = put(
      'go-ca.conf',
      `[req]\ndistinguished_name=dn\nx509_extensions=ca\n[dn]\n[ca]\n${extensions}\n`,
    );
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', keyFile);
    const request = [
      'req',
      '-x509',
      '-config',
      config,
      '-key',
      keyFile,
      '-days',
      '9',
      '-subj',
      '/CN=kubernetes',
    ];
    openssl(...request, '-out', certFile);
    const pki = '/etc/kubernetes/pki';
    const existing = new Map([
      [`${pki}/ca.crt`, readFileSync(certFile, 'utf8')],
      [`${pki}/ca.key`, readFileSync(keyFile, 'utf8')],
    ]);
    const made = await planPki(SETTINGS, existing, new Date());
    for (const { path, content } of made) existing.set(path, content);
    const leaf = put('by-go-ca.crt', existing.get(`${pki}/apiserver.crt`) ?? '');
    expect(verify(certFile, 'sslserver', leaf)).toBe(`${leaf}: OK`);
    expect(await planPki(SETTINGS, existing, new Date())).toEqual(made);
  });

  test('the API server by its names and addresses, and by no others', () => {
    const [ca, path] = [at('ca.crt'), at('apiserver.crt')];
    for (const name of ['h1', 'kubernetes.default.svc.cluster.local', 'api.example.org']) {
      expect(verify(ca, 'sslserver', path, '-verify_hostname', name)).toBe(`${path}: OK`);
    }
    expect(verify(ca, 'sslserver', path, '-verify_ip', '10.96.0.1')).toBe(`${path}: OK`);
    expect(() => verify(ca, 'sslserver', path, '-verify_hostname', 'h2')).toThrow(/hostname mismatch/i);
  });

  test.each(['admin', 'controller-manager', 'scheduler', 'kubelet', 'super-admin'])(
    'the client in %s.conf',
    (name) => {
      const { certPem = '' } = credentialsFrom(files.get(`/etc/kubernetes/${name}.conf`) ?? '');
      const path = put(`${name}.crt`, certPem);
      expect(verify(at('ca.crt'), 'sslclient', path)).toBe(`${path}: OK`);
    },
  );
});

describe('openssl x509 sees', () => {
  test.each<[KeyAlgorithm, string, RegExp]>([
    ['ECDSA-P256', 'ecdsa-with-SHA256', /NIST CURVE: P-256/],
    ['ECDSA-P384', 'ecdsa-with-SHA384', /NIST CURVE: P-384/],
    ['RSA-2048', 'sha256WithRSAEncryption', /Public-Key: \(2048 bit\)/],
    ['RSA-3072', 'sha256WithRSAEncryption', /Public-Key: \(3072 bit\)/],
    ['RSA-4096', 'sha256WithRSAEncryption', /Public-Key: \(4096 bit\)/],
  ])(
    'a key of %s, signed with %s',
    async (algorithm, signature, key) => {
      const now = new Date();
      const { privateKey } = await generateKeyPair(algorithm);
      const ca = { path: 'ca.crt', certPem: issueAuthority('test', privateKey, now), key: privateKey };
      const names = { dns: ['h1'], ips: [] };
      const request = {
        path: 'h1.crt',
        subject: { commonName: 'h1' },
        key: privateKey,
        usages: ['server'],
        names,
      };
      const leaf = put(`${algorithm}.crt`, issueLeaf(ca, request as Parameters<typeof issueLeaf>[1], now));
      expect(verify(put(`${algorithm}-ca.crt`, ca.certPem), 'sslserver', leaf)).toBe(`${leaf}: OK`);
      const text = openssl('x509', '-in', leaf, '-noout', '-text');
      expect(text).toContain(`Signature Algorithm: ${signature}`);
      expect(text).toMatch(key);
    },
    SLOW_MS,
  );
});
