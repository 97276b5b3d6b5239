import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.ts';
import { issueLeaf } from '../../../src/pki/issue.ts';
import { generateKeyPair, parsePrivateKey, privateKeyPem } from '../../../src/pki/keys.ts';
import { buildKubeconfig } from '../../../src/pki/kubeconfig.ts';
import { planPki } from '../../../src/pki/pki.ts';
import type { PkiSettings } from '../../../src/pki/table.ts';
import { PKI_SETTINGS } from './pki-settings.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const PKI = '/etc/kubernetes/pki';
const AGENT = '/var/lib/kadm/agent/client.pem';
const YEAR_MS = 365 * 24 * 3_600_000;

const SETTINGS = PKI_SETTINGS;

type Files = ReadonlyMap<string, string>;

async function plan(existing: Files, settings = SETTINGS, now = NOW): Promise<Map<string, string>> {
  return new Map((await planPki(settings, existing, now)).map(({ path, content }) => [path, content]));
}

let present: Files = new Map();
let foreign: Files = new Map();

beforeAll(async () => {
  [present, foreign] = await Promise.all([plan(new Map()), plan(new Map())]);
});

const without = (...paths: string[]): Map<string, string> =>
  new Map([...present].filter(([path]) => !paths.includes(path)));
const replaced = (path: string, content: string | undefined): Map<string, string> =>
  new Map([...present, [path, content ?? '']]);
const from = (files: Files, path: string): string => files.get(path) ?? '';

describe('a PKI that is there and right', () => {
  test('is kept as it is', async () => {
    expect(await plan(present)).toEqual(present);
  });

  test('is kept until the day on which it ends', async () => {
    expect(await plan(present, SETTINGS, new Date(NOW.getTime() + YEAR_MS - 1000))).toEqual(present);
  });

  test('is kept whatever algorithm new keys would have', async () => {
    expect(await plan(present, { ...SETTINGS, keyAlgorithm: 'ECDSA-P384' })).toEqual(present);
  });

  test('of which a certificate is missing gets that one again, for the key that is there', async () => {
    const path = `${PKI}/apiserver.crt`;
    const repaired = await plan(without(path));
    expect(repaired.get(path)).not.toBe(present.get(path));
    expect(new Map([...repaired, [path, from(present, path)]])).toEqual(present);
  });

  test('of which a kubeconfig is missing gets that one again', async () => {
    const path = '/etc/kubernetes/scheduler.conf';
    const repaired = await plan(without(path));
    expect(repaired.get(path)).toContain('system:kube-scheduler');
    expect(repaired.size).toBe(present.size);
  });

  test('keeps the kubeconfig of a kubelet that renews its certificate in a file', async () => {
    const conf = buildKubeconfig({
      server: 'https://balancer:6443',
      caPem: from(present, `${PKI}/ca.crt`),
      clusterName: 'kubernetes',
      userName: 'system:node:h1',
      certificateFile: '/var/lib/kubelet/pki/kubelet-client-current.pem',
    });
    const existing = replaced('/etc/kubernetes/kubelet.conf', conf);
    expect(await plan(existing)).toEqual(existing);
  });
});

describe('an external authority', () => {
  test('without its key is enough when everything that it signs is there', async () => {
    const existing = without(`${PKI}/ca.key`, `${PKI}/etcd/ca.key`, `${PKI}/front-proxy-ca.key`);
    expect(await plan(existing)).toEqual(existing);
  });

  test('without its key cannot make certificates, and names all that are missing', async () => {
    const missing = [`${PKI}/apiserver.crt`, '/etc/kubernetes/admin.conf', AGENT];
    const existing = without(`${PKI}/ca.key`, `${PKI}/etcd/peer.crt`, ...missing);
    await expect(plan(existing)).rejects.toMatchObject({
      message: `certificates that an external authority has to sign are missing (${PKI}/ca.key not there):
  ${PKI}/apiserver.crt
  /etc/kubernetes/admin.conf.crt
  ${PKI}/kadm-agent.crt`,
      remedy: expect.stringContaining('kadm certs generate-csr'),
    });
  });
});

describe('a file that is there and wrong is named, with what is wrong in it:', () => {
  const refusal = async (existing: Files, settings = SETTINGS, now = NOW): Promise<string> => {
    const error: unknown = await plan(existing, settings, now).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).remedy).toBeTruthy();
    return (error as UserError).message;
  };

  test('signed by another authority', async () => {
    const existing = new Map([
      ...present,
      ...['crt', 'key'].map(
        (end) => [`${PKI}/apiserver.${end}`, from(foreign, `${PKI}/apiserver.${end}`)] as const,
      ),
    ]);
    expect(await refusal(existing)).toBe(
      `${PKI}/apiserver.crt is not signed by the certificate authority that is there`,
    );
  });

  test('beside a key of another certificate', async () => {
    const path = `${PKI}/etcd/peer`;
    expect(await refusal(replaced(`${path}.key`, from(foreign, `${path}.key`)))).toBe(
      `${path}.crt does not belong to the key beside it`,
    );
  });

  test('an authority beside another key', async () => {
    expect(await refusal(replaced(`${PKI}/ca.key`, from(foreign, `${PKI}/ca.key`)))).toMatch(
      /ca\.crt does not belong/,
    );
  });

  test('a leaf in place of an authority', async () => {
    const existing = new Map([...present, [`${PKI}/ca.crt`, from(present, `${PKI}/apiserver.crt`)]]);
    expect(await refusal(existing)).toMatch(/ca\.crt is not the certificate of an authority/);
  });

  test('expired', async () => {
    const later = new Date(NOW.getTime() + YEAR_MS + 1000);
    expect(await refusal(present, SETTINGS, later)).toMatch(/expired on 2027-11-21T12:00:00/);
  });

  test('not valid yet, which is a matter of the clock', async () => {
    const earlier = new Date(NOW.getTime() - 3_600_000);
    expect(await refusal(present, SETTINGS, earlier)).toMatch(/is not valid before 2026-11-21T11:55:00/);
  });

  test.each<[string, Partial<PkiSettings>]>([
    ['10.97.0.1', { serviceAddresses: ['10.97.0.1'] }],
    ['new.example.org', { certSANs: ['new.example.org'] }],
    ['192.0.2.7', { advertiseAddress: '192.0.2.7' }],
  ])('not valid for %s', async (name, over) => {
    expect(await refusal(present, { ...SETTINGS, ...over })).toBe(
      `${PKI}/apiserver.crt is not valid for ${name}`,
    );
  });

  test('allowed for another use', async () => {
    const [server, client] = [`${PKI}/apiserver`, `${PKI}/apiserver-kubelet-client`];
    const existing = new Map(present);
    for (const end of ['crt', 'key']) existing.set(`${client}.${end}`, from(present, `${server}.${end}`));
    expect(await refusal(existing)).toBe(`${client}.crt is not allowed to be used as client certificate`);
  });

  test('of another identity', async () => {
    const [admin, manager] = ['/etc/kubernetes/admin.conf', '/etc/kubernetes/controller-manager.conf'];
    expect(await refusal(replaced(manager, from(present, admin)))).toBe(
      `${manager} is for kubernetes-admin, not for system:kube-controller-manager`,
    );
  });

  test('of another cluster, or another address', async () => {
    const path = '/etc/kubernetes/admin.conf';
    expect(await refusal(replaced(path, from(foreign, path)))).toBe(`${path} is for another cluster`);
    expect(await refusal(present, { ...SETTINGS, server: 'https://new:6443' })).toBe(
      `${path} leads to https://192.0.2.1:6443, not to https://new:6443`,
    );
  });

  test('a certificate without its key', async () => {
    expect(await refusal(without(`${PKI}/apiserver.key`))).toBe(
      `${PKI}/apiserver.crt is there without its key ${PKI}/apiserver.key`,
    );
  });

  test('a service account pair that is none', async () => {
    expect(await refusal(replaced(`${PKI}/sa.pub`, from(foreign, `${PKI}/sa.pub`)))).toMatch(
      /sa\.pub does not belong/,
    );
    expect(await refusal(without(`${PKI}/sa.key`))).toMatch(/sa\.pub is there without its key/);
  });

  test.each([
    `${PKI}/ca.crt`,
    `${PKI}/apiserver.crt`,
    `${PKI}/apiserver.key`,
    '/etc/kubernetes/admin.conf',
    AGENT,
  ])('garbage in %s, which is not repeated', async (path) => {
    const message = await refusal(replaced(path, 'SECRET GARBAGE'));
    expect(message).toContain(path);
    expect(message).not.toContain('GARBAGE');
  });

  test('an agent without the group that its role needs', async () => {
    const ca = {
      path: `${PKI}/ca.crt`,
      certPem: from(present, `${PKI}/ca.crt`),
      key: parsePrivateKey(from(present, `${PKI}/ca.key`)),
    };
    const { privateKey: key } = await generateKeyPair('ECDSA-P256');
    const subject = { commonName: 'kadm:agent:h1', organizations: ['kadm:agents'] };
    const request = { path: AGENT, subject, key, usages: ['client'], names: { dns: [], ips: [] } } as const;
    const identity = `${issueLeaf(ca, request, NOW)}${privateKeyPem(key)}`;
    expect(await refusal(replaced(AGENT, identity))).toBe(
      `${AGENT} lacks the group (O) kadm:control-plane-agents`,
    );
  });
});
