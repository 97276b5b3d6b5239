import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { EtcdClient, type Member } from '../../src/etcd/client.ts';
import type { RunResult } from '../../src/host/command.ts';
import { LocalHost } from '../../src/host/host.ts';
import { clusterFileOf } from '../../src/lab/cluster/nodes.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { removeLab } from './bare-lab.ts';
import { differences, type HostSnapshot, snapshotHost } from './host-snapshot.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { read, resultOf } from './support/certificates.ts';
import { Kubectl } from './support/kubectl.ts';

/* Three control planes behind one name, which leads to h1 as a first name server's answer would. */
const LAB = 'test-masters';
const ENDPOINT = 'cluster.test:6443';
const FILE = '/root/cluster.yaml';
const VERB_TIMEOUT_MS = 400_000;
const SETTLING_MS = 90_000;
const KUBEADM_CONFIG = ['configmap', 'kubeadm-config', '--namespace', 'kube-system'];

let lab: Lab;
let kubectl: Kubectl;
let bare: HostSnapshot;

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 3);
  kubectl = new Kubectl(lab.host('h1'));
  const line = `${lab.host('h1').address} cluster.test\n`;
  for (const host of lab.hosts) await host.exec(['tee', '--append', '/etc/hosts'], { input: line });
  bare = await snapshotHost(lab.host('h3'));
});

afterAll(async () => {
  await removeLab(LAB);
});

async function kadm(host: LabHost, ...argv: string[]): Promise<RunResult> {
  return await host.exec(['kadm', ...argv], { timeoutMs: VERB_TIMEOUT_MS, allowFailure: true });
}

function done({ exitCode, stderr }: RunResult): void {
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' });
}

/** etcd as the member on a host knows it. */
async function etcdOn(host: LabHost): Promise<EtcdClient> {
  const [caPem, certPem, keyPem] = await Promise.all(
    ['ca.crt', 'healthcheck-client.crt', 'healthcheck-client.key'].map((name) =>
      read(host, `/etc/kubernetes/pki/etcd/${name}`),
    ),
  );
  const credentials = { caPem: caPem ?? '', certPem: certPem ?? '', keyPem: keyPem ?? '' };
  return new EtcdClient([`https://${host.address}:2379`], credentials);
}

/** Names of the members that vote and are well. */
async function votersOn(host: LabHost): Promise<string[]> {
  const client = await etcdOn(host);
  const members = (await client.members()).filter(({ isLearner }) => !isLearner);
  const well = await Promise.all(
    members.map(async (one): Promise<Member[]> => ((await client.isWell(one)) ? [one] : [])),
  );
  return well
    .flat()
    .map(({ name }) => name)
    .sort();
}

async function masters(): Promise<string[]> {
  const selector = ['--selector', 'node-role.kubernetes.io/control-plane', '--no-headers'];
  const rows = (await kubectl.run('get', 'nodes', ...selector)).trim().split('\n');
  return rows.filter((row) => /\sReady\s/.test(row)).map((row) => row.split(/\s+/)[0] ?? '');
}

async function up(): Promise<RunResult> {
  const h1 = lab.host('h1');
  const entries = lab.hosts.map(({ name }) => ({ address: name, role: 'control-plane' }));
  const cluster = `---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\ncontrolPlaneEndpoint: ${ENDPOINT}\n`;
  const text = `${await clusterFileOf(h1, entries)}${cluster}`;
  await new LocalHost().writeFile(`${h1.rootfs}${FILE}`, text, { mode: 0o600 });
  return await kadm(h1, 'up', '-f', FILE);
}

test('kadm up makes three control planes, each a member of etcd', async () => {
  done(await up());
  expect(await masters()).toEqual(['h1', 'h2', 'h3']);
  expect(await votersOn(lab.host('h3'))).toEqual(['h1', 'h2', 'h3']);
});

test('no token, no certificates and no lock are left of it', async () => {
  const secrets = await kubectl.run('get', 'secrets', '--namespace', 'kube-system', '--output', 'name');
  expect(secrets).not.toMatch(/bootstrap-token|kubeadm-certs/);
  const lease = ['get', 'lease', 'kadm-control-plane', '--namespace', 'kube-system'];
  expect(await kubectl.run(...lease, '--output', 'jsonpath={.spec.holderIdentity}')).toBe('');
});

test('a second time there is nothing to do', async () => {
  const again = await up();
  done(again);
  expect(again.stderr.match(/it is a control plane already/g)).toHaveLength(3);
});

test('a control plane that is reset leaves etcd and the cluster, and nothing stays on its host', async () => {
  done(await kadm(lab.host('h3'), 'reset', '--force'));
  expect((await (await etcdOn(lab.host('h1'))).members()).map(({ name }) => name).sort()).toEqual([
    'h1',
    'h2',
  ]);
  expect(await masters()).toEqual(['h1', 'h2']);
  expect(differences(bare, await snapshotHost(lab.host('h3')))).toEqual([]);
});

const joinCommandSchema = z.object({
  joinCommand: z.object({ token: z.string(), caCertHash: z.string() }),
});

/** What kadm prints on h1 to join with: a token, and the key of certificates that it uploads. */
async function invitation(): Promise<{ argv: string[]; key: string }> {
  const h1 = lab.host('h1');
  const [token, upload] = [
    await kadm(h1, 'token', 'create', '--output', 'json'),
    await kadm(h1, 'init', 'phase', 'upload-certs', '--config', FILE, '--output', 'json'),
  ];
  const { joinCommand } = joinCommandSchema.parse(resultOf(token.stdout));
  const { certificateKey } = z.object({ certificateKey: z.string() }).parse(resultOf(upload.stdout));
  const hash = ['--discovery-token-ca-cert-hash', joinCommand.caCertHash];
  const argv = ['join', ENDPOINT, '--token', joinCommand.token, ...hash, '--control-plane'];
  return { argv, key: certificateKey };
}

test('a cluster without a stable name takes no second control plane', async () => {
  const { argv, key } = await invitation();
  const text = await kubectl.run(
    'get',
    ...KUBEADM_CONFIG,
    '--output',
    'jsonpath={.data.ClusterConfiguration}',
  );
  const keep = async (configuration: string): Promise<void> => {
    const patch = JSON.stringify({ data: { ClusterConfiguration: configuration } });
    await kubectl.run('patch', ...KUBEADM_CONFIG, '--patch', patch);
  };
  await keep(text.replace(/^controlPlaneEndpoint:.*\n/m, ''));
  const refused = await kadm(lab.host('h3'), ...argv, '--certificate-key', key);
  await keep(text);
  expect(refused.exitCode).toBe(3);
  expect(refused.stderr).toContain(
    'this cluster has no control-plane endpoint, so it can have no second control plane',
  );
  expect(differences(bare, await snapshotHost(lab.host('h3')))).toEqual([]);
});

test('a host that joins makes no authority of its own, whatever phase runs alone', async () => {
  const { argv } = await invitation();
  const refused = await kadm(
    lab.host('h3'),
    'join',
    'phase',
    'control-plane-prepare',
    'certs',
    ...argv.slice(1),
  );
  expect(refused.exitCode).toBe(3);
  expect(refused.stderr).toContain(
    'a control plane needs what the others share, and there is no /etc/kubernetes/pki/ca.crt, ',
  );
  // Discovery has begun the ledger.
  const left = differences(bare, await snapshotHost(lab.host('h3')));
  expect(left.filter((one) => !one.includes(' /var/lib/kadm/'))).toEqual([]);
});

test('a host joins by the command that names the key, and not by another key', async () => {
  const h3 = lab.host('h3');
  const { argv, key } = await invitation();
  const wrong = '0'.repeat(64);
  const refused = await kadm(h3, ...argv, '--certificate-key', wrong);
  expect(refused.exitCode).toBe(3);
  expect(refused.stderr).toContain(
    'the certificate key does not open the certificates that the cluster keeps',
  );
  expect(refused.stderr).not.toContain(wrong);
  done(await kadm(h3, ...argv, '--certificate-key', key));
  expect(await votersOn(h3)).toEqual(['h1', 'h2', 'h3']);
  const { stdout } = await h3.exec(['grep', '--recursive', '--count', key, '/var/lib/kadm', '/var/log'], {
    allowFailure: true,
  });
  expect(stdout).not.toMatch(/:[1-9]/);
});

/** Writes through the API server of one host, until that succeeds. */
async function writeThrough(host: LabHost): Promise<string> {
  const server = ['--server', `https://${host.address}:6443`];
  const create = ['create', 'configmap', `by-${host.name}`, '--namespace', 'default'];
  const end = performance.now() + SETTLING_MS;
  for (;;) {
    const argv = [
      'kubectl',
      '--kubeconfig',
      '/etc/kubernetes/admin.conf',
      ...server,
      '--request-timeout=10s',
    ];
    const { stdout, stderr } = await host.exec([...argv, ...create], { allowFailure: true });
    if (stdout !== '' || performance.now() > end) return `${stdout}${stderr}`.trim();
    await sleep(500);
  }
}

test('with one of three switched off, the API is written to through another', async () => {
  await lab.host('h1').kill();
  expect(await writeThrough(lab.host('h2'))).toBe('configmap/by-h2 created');
  expect(await votersOn(lab.host('h3'))).toEqual(['h2', 'h3']);
});

test('a reset that would cost etcd its quorum is refused, and changes nothing', async () => {
  const h3 = lab.host('h3');
  const { exitCode, stderr } = await kadm(h3, 'reset', '--force');
  expect(exitCode).toBe(3);
  expect(stderr).toContain(
    'without this host etcd would lose its quorum: 1 of 2 members would be well, and not h1; nothing was changed',
  );
  expect((await h3.exec(['systemctl', 'is-active', 'kubelet'])).stdout.trim()).toBe('active');
  expect(await votersOn(h3)).toEqual(['h2', 'h3']);
});
