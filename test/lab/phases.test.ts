import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { CERTS_PARTS, KUBECONFIG_PARTS } from '../../src/pki/table.ts';
import { captureMaster } from '../compare/capture.ts';
import { differencesOf, type Master } from '../compare/differences.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { Watch } from './support/refusal.ts';

/* Phases and their parts one by one, in kubeadm's order and under its names, by somebody who makes a master by hand. */
const LAB = 'test-phases';
const PKI = '/etc/kubernetes/pki';
const VERB_TIMEOUT_MS = 300_000;

let host: LabHost;
/** What `kadm init` has made of the host. */
let byInit: Master;

beforeAll(async () => {
  host = (await bareLabWithKadm(LAB, 1)).host('h1');
  await onHost('kadm', 'init');
  byInit = await captureMaster(host);
  await onHost('kadm', 'reset', '--force');
});
afterAll(() => removeLab(LAB));

async function onHost(...argv: string[]): Promise<string> {
  return (await host.exec(argv, { timeoutMs: VERB_TIMEOUT_MS })).stdout;
}

async function phase(words: string): Promise<void> {
  await onHost('kadm', 'init', 'phase', ...words.split(' '));
}

async function filesIn(folder: string): Promise<string[]> {
  const found = await onHost('find', folder, '-type', 'f', '-printf', '%P\\n');
  return found.split('\n').filter(Boolean).sort();
}

function openssl(...argv: string[]): string {
  const inHost = (word: string): string => (word.startsWith('/') ? `${host.rootfs}${word}` : word);
  return execFileSync('openssl', argv.map(inHost), { encoding: 'utf8', stdio: 'pipe' });
}

describe('parts of phases, one by one', () => {
  it.each(['certs apiserver', 'kubeconfig admin'])(
    '%s is refused without its authority, and none is made up',
    async (words) => {
      const argv = ['kadm', 'init', 'phase', ...words.split(' ')];
      const { exitCode, stderr } = await host.exec(argv, { allowFailure: true });
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: expect.stringContaining(`kadm: ${PKI}/ca.crt, the authority that has to sign, is not there`),
      });
      expect(stderr).toContain('`kadm init phase certs ca` makes one');
      expect(await filesIn('/etc/kubernetes')).toEqual([]);
    },
  );

  it('that there are not are told apart from those that there are', async () => {
    const argv = ['kadm', 'init', '--skip-phases', 'certs/apiservr'];
    expect(await host.exec(argv, { allowFailure: true })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('did you mean certs/apiserver?; parts of certs are: ca, apiserver, '),
    });
  });

  it('a dry run of one shows it alone', async () => {
    const bare = await Watch.begin(host);
    const said = await onHost('kadm', 'init', 'phase', 'certs', 'front-proxy-ca', '--dry-run');
    expect([...said.matchAll(/^create (\S+\.(?:crt|key)) /gm)].map(([, path]) => path)).toEqual([
      `${PKI}/front-proxy-ca.key`,
      `${PKI}/front-proxy-ca.crt`,
    ]);
    expect(await bare.changes()).toEqual([]);
  });

  it('an authority, then what it signs', async () => {
    await phase('certs ca');
    expect(await filesIn(PKI)).toEqual(['ca.crt', 'ca.key']);
    const authority = await onHost('cat', `${PKI}/ca.crt`);
    await phase('certs apiserver --apiserver-cert-extra-sans api.example.org');
    expect(await filesIn(PKI)).toEqual(['apiserver.crt', 'apiserver.key', 'ca.crt', 'ca.key']);
    expect(await onHost('cat', `${PKI}/ca.crt`)).toBe(authority);
    expect(openssl('verify', '-CAfile', `${PKI}/ca.crt`, `${PKI}/apiserver.crt`)).toMatch(/: OK\n$/);
    const text = openssl('x509', '-in', `${PKI}/apiserver.crt`, '-noout', '-ext', 'subjectAltName');
    expect(text).toContain('DNS:api.example.org');
    expect(text).toContain('DNS:kubernetes.default.svc.cluster.local');
  });

  it('all but some are made where those are left out', async () => {
    await onHost('kadm', 'init', 'phase', 'certs', 'all', '--skip-phases', 'certs/sa,certs/etcd-peer');
    const there = await filesIn(PKI);
    expect(there).toHaveLength(2 * (CERTS_PARTS.length - 2));
    for (const missing of ['sa.key', 'sa.pub', 'etcd/peer.crt', 'etcd/peer.key'])
      expect(there).not.toContain(missing);
    await onHost('kadm', 'reset', '--force');
  });
});

describe('a master made by hand', () => {
  it.each([
    ['preflight', ['preflight']],
    ['what kubeadm expects of a host', ['prepare-host', 'components', 'container-runtime', 'images']],
    ['certs', CERTS_PARTS.map((part) => `certs ${part}`)],
    ['kubeconfig', KUBECONFIG_PARTS.map((part) => `kubeconfig ${part}`)],
    ['etcd', ['etcd local']],
    ['control-plane', ['apiserver', 'controller-manager', 'scheduler'].map((pod) => `control-plane ${pod}`)],
    ['the images of the other static pods', ['other-images']],
    ['kubelet-start', ['kubelet-start', 'wait-control-plane']],
    ['upload-config', ['upload-config kubeadm', 'upload-config kubelet', 'upload-config kadm']],
    ['mark-control-plane', ['mark-control-plane', 'bootstrap-token']],
    ['kubelet-finalize', ['kubelet-finalize enable-client-cert-rotation']],
    ['addon', ['addon coredns', 'addon kube-proxy']],
    ['kadm’s own', ['other-components', 'controller-manager-lease', 'addon-agents', 'network']],
  ])('comes through %s', async (_, phases) => {
    for (const words of phases) await phase(words);
  });

  it('becomes Ready, and so do its pods', async () => {
    await onHost('kubectl', 'wait', '--for=condition=Ready', 'node/h1', '--timeout=120s');
    const pods = ['pod', '--all', '--namespace', 'kube-system'];
    await onHost('kubectl', 'wait', '--for=condition=Ready', ...pods, '--timeout=120s');
  });

  it('is the one that kadm init makes', async () => {
    expect(differencesOf(byInit, await captureMaster(host))).toEqual([]);
  });

  it('tells how to join it, and is taken apart by reset', async () => {
    expect(await onHost('kadm', 'token', 'create', '--print-join-command')).toMatch(/^kadm join /);
    await onHost('kadm', 'reset', '--force');
    const folders = ['/etc/kubernetes', '/var/lib/etcd', '/var/lib/kubelet', '/root/.kube'];
    const left = await host.exec(['find', ...folders, '-mindepth', '1'], { allowFailure: true });
    expect(left.stdout).toBe('');
  });
});
