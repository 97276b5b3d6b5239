import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { missingSignatures, planRequests } from '../../../src/pki/external.ts';
import { credentialsFrom } from '../../../src/pki/kubeconfig.ts';
import { planPki } from '../../../src/pki/pki.ts';
import { PKI_SETTINGS } from './pki-settings.ts';

const NOW = new Date();
const PKI = '/etc/kubernetes/pki';
const SETTINGS = { ...PKI_SETTINGS, certSANs: ['extra.example.org'] };

type Files = Map<string, string>;

/** An authority that is not kadm's: openssl signs what a request asks for. */
function signed(request: string, caPem: string, caKey: string, usages: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'kadm-ca-'));
  const at = (name: string): string => join(folder, name);
  try {
    writeFileSync(at('csr'), request);
    writeFileSync(at('ca.crt'), caPem);
    writeFileSync(at('ca.key'), caKey);
    writeFileSync(at('ext'), `extendedKeyUsage=${usages}\n`);
    const ca = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('ext')];
    const argv = ['x509', '-req', '-in', at('csr'), '-copy_extensions', 'copy', ...ca, '-out', at('crt')];
    execFileSync('openssl', argv, { stdio: 'pipe' });
    return readFileSync(at('crt'), 'utf8');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const content = async (files: Promise<readonly { path: string; content: string }[]>): Promise<Files> =>
  new Map((await files).map((file) => [file.path, file.content]));

let own: Files;
/** What a host holds whose authorities are elsewhere. */
let bare: Files;
beforeAll(async () => {
  own = await content(planPki(SETTINGS, new Map(), NOW));
  bare = new Map(
    ['ca', 'etcd/ca', 'front-proxy-ca'].map((id) => [`${PKI}/${id}.crt`, own.get(`${PKI}/${id}.crt`) ?? '']),
  );
});

describe('requests for an external authority', () => {
  test('are there for each certificate that is missing, beside its key', async () => {
    const asked = await content(planRequests({ settings: SETTINGS, existing: bare, now: NOW }));
    const missing = missingSignatures(SETTINGS, bare, () => true);
    const requests = [...asked.keys()].filter((path) => path.endsWith('.csr'));
    expect(requests.map((path) => path.replace(/csr$/, 'crt')).sort()).toEqual(missing.sort());
    expect(missing).toHaveLength(13);
  });

  test('use the keys that are there', async () => {
    const first = await content(planRequests({ settings: SETTINGS, existing: bare, now: NOW }));
    const again = await content(
      planRequests({ settings: SETTINGS, existing: new Map([...bare, ...first]), now: NOW }),
    );
    const keys = (files: Files): string[] =>
      [...files].filter(([path]) => !path.endsWith('.csr')).map(String);
    expect(keys(again)).toEqual(keys(first));
  });

  test('are not made for what an authority here can sign', async () => {
    const existing = new Map([...bare, [`${PKI}/etcd/ca.key`, own.get(`${PKI}/etcd/ca.key`) ?? '']]);
    const asked = await content(planRequests({ settings: SETTINGS, existing, now: NOW }));
    expect([...asked.keys()].filter((path) => path.includes('etcd'))).toEqual([]);
    expect([...asked.keys()]).toContain(`${PKI}/apiserver.csr`);
  });

  test('are not made, nor missed, for an etcd that somebody else runs', async () => {
    const settings = { ...SETTINGS, etcd: 'external' } as const;
    const asked = await content(planRequests({ settings, existing: bare, now: NOW }));
    expect(
      [...asked.keys(), ...missingSignatures(settings, bare, () => true)].filter((path) =>
        path.includes('etcd'),
      ),
    ).toEqual([]);
  });

  test('lead, once signed, to a PKI that init takes as it is', async () => {
    const existing = new Map([
      ...bare,
      ...(await content(planRequests({ settings: SETTINGS, existing: bare, now: NOW }))),
    ]);
    for (const [path, request] of [...existing].filter(([path]) => path.endsWith('.csr'))) {
      const id = path.includes('etcd') ? 'etcd/ca' : path.includes('front-proxy') ? 'front-proxy-ca' : 'ca';
      const [caPem = '', caKey = ''] = ['crt', 'key'].map((end) => own.get(`${PKI}/${id}.${end}`));
      existing.set(path.replace(/csr$/, 'crt'), signed(request, caPem, caKey, 'serverAuth,clientAuth'));
    }
    const planned = await content(planPki(SETTINGS, existing, new Date()));
    expect(planned.get(`${PKI}/apiserver.crt`)).toBe(existing.get(`${PKI}/apiserver.crt`));
    const admin = credentialsFrom(planned.get('/etc/kubernetes/admin.conf') ?? '');
    expect(admin).toMatchObject({ caPem: own.get(`${PKI}/ca.crt`), server: SETTINGS.server });
    expect(admin.certPem).toBe(existing.get('/etc/kubernetes/admin.conf.crt'));
    expect(planned.get('/var/lib/kadm/agent/client.pem')).toContain('PRIVATE KEY');
    expect([...planned.keys()].filter((path) => path.endsWith('ca.key'))).toEqual([]);
  });
});
