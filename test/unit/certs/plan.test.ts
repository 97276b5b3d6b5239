import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { expirations, type Inventory, type Item } from '../../../src/certs/inventory.ts';
import { planRenewals } from '../../../src/certs/plan.ts';
import { UserError } from '../../../src/errors.ts';
import { credentialsFrom } from '../../../src/pki/kubeconfig.ts';
import { planPki } from '../../../src/pki/pki.ts';
import { PKI_SETTINGS } from '../pki/pki-settings.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const NEXT_YEAR = new Date('2027-11-20T12:00:00Z');
const PKI = '/etc/kubernetes/pki';

let files: ReadonlyMap<string, string>;
let found: Inventory;

const item = (over: Partial<Item> & Pick<Item, 'name' | 'path'>): Item => ({
  authority: 'ca',
  renewedBy: 'kadm',
  usedBy: undefined,
  certPem: files.get(over.path),
  ...over,
});

beforeAll(async () => {
  files = new Map((await planPki(PKI_SETTINGS, new Map(), NOW)).map(({ path, content }) => [path, content]));
  const clientOf = (path: string): string | undefined => credentialsFrom(files.get(path) ?? '').certPem;
  found = {
    files,
    authorities: [item({ name: 'ca', path: `${PKI}/ca.crt`, authority: undefined })],
    certificates: [
      item({
        name: 'admin.conf',
        path: '/etc/kubernetes/admin.conf',
        certPem: clientOf('/etc/kubernetes/admin.conf'),
      }),
      item({ name: 'apiserver', path: `${PKI}/apiserver.crt`, usedBy: 'kube-apiserver' }),
      item({ name: 'etcd-server', path: `${PKI}/etcd/server.crt`, authority: 'etcd/ca', usedBy: 'etcd' }),
      item({ name: 'kubelet.conf', path: '/var/lib/kadm/agent/client.pem', renewedBy: 'kubelet' }),
      item({ name: 'agent', path: '/var/lib/kadm/agent/client.pem', renewedBy: 'agent' }),
    ],
  };
});

const error = async (plan: Promise<unknown>): Promise<UserError> => {
  const thrown: unknown = await plan.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(thrown).toBeInstanceOf(UserError);
  return thrown as UserError;
};

describe('a renewal of all', () => {
  test('makes new files for what kadm renews, each for the component that reads it', async () => {
    const { renewals, left } = await planRenewals(found, 'all', {}, NEXT_YEAR);
    expect(renewals.map(({ name, group, files }) => [name, group, files.map(({ path }) => path)])).toEqual([
      ['admin.conf', 'client-files', ['/etc/kubernetes/admin.conf']],
      ['apiserver', 'kube-apiserver', [`${PKI}/apiserver.key`, `${PKI}/apiserver.crt`]],
      ['etcd-server', 'etcd', [`${PKI}/etcd/server.key`, `${PKI}/etcd/server.crt`]],
    ]);
    expect(left).toEqual([
      'kubelet.conf is renewed by the kubelet itself',
      'agent is renewed by the agent itself (kadm-agent.service)',
    ]);
  });

  test('leaves all of a kubeconfig as it is but certificate and key', async () => {
    const path = '/etc/kubernetes/admin.conf';
    const text = `# mine\n${files.get(path)}preferences: { colors: true }\n`;
    const changed = { ...found, files: new Map([...files, [path, text]]) };
    const { renewals } = await planRenewals(changed, ['admin.conf'], {}, NEXT_YEAR);
    const made = renewals[0]?.files[0]?.content ?? '';
    expect(made).toMatch(/^# mine\n.*preferences: \{ colors: true \}\n$/s);
    const [before, after] = [credentialsFrom(text), credentialsFrom(made)];
    expect({ ...after, certPem: '', keyPem: '' }).toEqual({ ...before, certPem: '', keyPem: '' });
    expect(new X509Certificate(after.certPem ?? '').validToDate).toEqual(new Date('2028-11-19T12:00:00Z'));
  });

  test('takes the kubelet along once it cannot do so itself', async () => {
    const { renewals } = await planRenewals(found, 'all', {}, new Date('2027-12-01T00:00:00Z'));
    expect(renewals.map(({ name }) => name)).toContain('kubelet.conf');
  });

  test('leaves what an external authority signed', async () => {
    const without = new Map([...files].filter(([path]) => path !== `${PKI}/ca.key`));
    const { renewals, left } = await planRenewals({ ...found, files: without }, 'all', {}, NEXT_YEAR);
    expect(renewals.map(({ name }) => name)).toEqual(['etcd-server']);
    expect(left).toContain(`apiserver cannot be renewed here: ${PKI}/ca.key is not on this host`);
  });
});

describe('a renewal by name', () => {
  test('refuses what there is not, and says what there is', async () => {
    const { message, remedy, exitCode } = await error(planRenewals(found, ['api'], {}, NOW));
    expect([message, exitCode]).toEqual(['there is no certificate "api"', 2]);
    expect(remedy).toBe('names are: all, admin.conf, apiserver, etcd-server, kubelet.conf, agent');
  });

  test('renews nothing when one of the names cannot be renewed', async () => {
    const { message } = await error(planRenewals(found, ['apiserver', 'agent'], {}, NOW));
    expect(message).toBe('agent is renewed by the agent itself (kadm-agent.service)');
  });
});

test('expirations have the fields of kubeadm’s', () => {
  const missing = { ...found, certificates: [item({ name: 'etcd-peer', path: `${PKI}/nowhere.crt` })] };
  expect(expirations(missing, NOW).certificates).toEqual([{ name: 'etcd-peer', missing: true }]);
  const shown = expirations(found, NEXT_YEAR);
  expect(shown.certificates[1]).toEqual({
    name: 'apiserver',
    expirationDate: '2027-11-21T12:00:00Z',
    residualTime: 86_400,
    externallyManaged: false,
    caName: 'ca',
    renewedBy: 'kadm',
    missing: false,
  });
  expect(shown.certificateAuthorities).toEqual([
    {
      name: 'ca',
      expirationDate: '2036-11-18T12:00:00Z',
      residualTime: 283_910_400,
      externallyManaged: false,
      missing: false,
    },
  ]);
});
