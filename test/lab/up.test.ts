import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_KUBERNETES_VERSION, imageName, releaseFor } from '../../src/components/catalog.ts';
import { LocalHost } from '../../src/host/host.ts';
import { clusterFileOf } from '../../src/lab/cluster/nodes.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { KADM_PATH } from '../../src/node/components.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { Kubectl } from './support/kubectl.ts';

/*
 * h1 is the machine of somebody who has SSH keys, and no part of the cluster at first: h2 becomes the control
 * plane and h3 a worker.
 */
const LAB = 'test-up';
const FILE = '/root/cluster.yaml';
const UP_TIMEOUT_MS = 300_000;

interface Host {
  readonly address: string;
  readonly role?: string;
  readonly [field: string]: unknown;
}

const MASTER: Host = { address: 'h2', role: 'control-plane' };
let lab: Lab;
let kubectl: Kubectl;

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 3);
  kubectl = new Kubectl(lab.host('h2'));
  // Labs have kadm on every host; real machines do not.
  for (const name of ['h2', 'h3']) await lab.host(name).exec(['rm', KADM_PATH]);
  const verbose = 'echo LogLevel VERBOSE >/etc/ssh/sshd_config.d/00-test.conf; systemctl reload ssh';
  await lab.host('h3').exec(['sh', '-c', verbose]);
});

afterAll(async () => {
  await removeLab(LAB);
});

/** Runs `kadm up` on h1 with these hosts. */
async function up(...hosts: Host[]): ReturnType<Lab['hosts'][number]['exec']> {
  return await upWith([], hosts);
}

async function upWith(
  flags: readonly string[],
  hosts: readonly Host[],
): ReturnType<Lab['hosts'][number]['exec']> {
  const h1 = lab.host('h1');
  const text = await clusterFileOf(h1, hosts);
  await new LocalHost().writeFile(`${h1.rootfs}${FILE}`, text, { mode: 0o600 });
  const options = { timeoutMs: UP_TIMEOUT_MS, allowFailure: true };
  return await h1.exec(['kadm', 'up', '-f', FILE, ...flags], options);
}

async function readyNodes(): Promise<string[]> {
  const { stdout } = await lab.host('h2').exec(['kubectl', 'get', 'nodes', '--no-headers']);
  const rows = stdout.trim().split('\n');
  return rows.filter((row) => /\sReady\s/.test(row)).map((row) => row.split(/\s+/)[0] ?? '');
}

/** What must be left of the command when it has ended: no token, no file of its own. */
async function leftovers(): Promise<string> {
  const tokens = await kubectl.run('get', 'secrets', '--namespace', 'kube-system', '--output', 'name');
  const [h2, h3] = await Promise.all(
    ['h2', 'h3'].map(async (name) => (await lab.host(name).exec(['ls', '/var/tmp', '/run/kadm'])).stdout),
  );
  return `${tokens}${h2}${h3}`;
}

/** How many commands the SSH server of h3 has been asked to run. */
async function commandsRun(): Promise<number> {
  const { stdout } = await lab
    .host('h3')
    .exec(['journalctl', '--output', 'cat', '--identifier', 'sshd-session']);
  return stdout.split('\n').filter((line) => line.startsWith('Starting session: command')).length;
}

/** A worker with all that a file can say of it. */
const WORKER: Host = {
  address: 'h3',
  nodeName: 'rack-1',
  interface: 'eth1',
  labels: { 'node-role.kubernetes.io/worker': '', disk: 'fast' },
  taints: [{ key: 'only', value: 'batch', effect: 'NoSchedule' }],
  kubelet: { maxPods: 42 },
};

/** An address of the lab's network beside that of eth0. */
const eth1 = (): string => lab.host('h3').address.replace(/\d+$/, '203');

test('an interface that a host does not have is told, with those that it has', async () => {
  const { exitCode, stderr } = await up(MASTER, { ...WORKER, interface: 'eth7' });
  expect(exitCode).toBe(4);
  expect(stderr).toMatch(
    /h3: it has no IPv4 address on eth7; nothing was changed\n +its interfaces are eth0/,
  );
  expect(stderr).toMatch(/log: \S+\/h3\.log/);
});

test('machines without kadm become a cluster, from a machine that is no part of it', async () => {
  await lab.host('h3').exec(['ip', 'link', 'add', 'eth1', 'type', 'bridge']);
  await lab.host('h3').exec(['ip', 'addr', 'add', `${eth1()}/32`, 'dev', 'eth1']);
  const { exitCode, stderr } = await up(MASTER, WORKER);
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(await readyNodes()).toEqual(['h2', 'rack-1']);
  expect(await leftovers()).not.toMatch(/bootstrap-token|^kadm-|^images-/m);
  // The control plane gave its components as long as the command ran, and no longer.
  const [, host, port] = /\[h3\/components\] from http:\/\/([\d.]+):(\d+)/.exec(stderr) ?? [];
  expect(host).toBe(lab.host('h2').address);
  const connect = ['bash', '-c', `exec 3<>/dev/tcp/${host}/${port}`];
  expect(await lab.host('h3').exec(connect, { allowFailure: true })).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('Connection refused'),
  });
});

test('a node has the name, address, labels, taints and kubelet settings of its file', async () => {
  const node = JSON.parse(await kubectl.run('get', 'node', 'rack-1', '--output', 'json'));
  expect(node.metadata.labels).toMatchObject(WORKER.labels as object);
  expect(node.spec.taints).toContainEqual({ key: 'only', value: 'batch', effect: 'NoSchedule' });
  expect(node.status.addresses).toContainEqual({ type: 'InternalIP', address: eth1() });
  expect(node.status.capacity.pods).toBe('42');
});

test('a second time there is nothing to do, which is said, and takes one round trip and no token', async () => {
  const ledger = async (): Promise<string> =>
    (await lab.host('h3').exec(['cat', '/var/lib/kadm/ledger/ledger.ndjson'])).stdout;
  const [before, ran] = [await ledger(), await commandsRun()];
  const { exitCode, stderr, stdout } = await up(MASTER, { address: 'h3' });
  expect(exitCode).toBe(0);
  expect(stderr).toContain('it is a control plane already');
  expect(stderr).toContain('it is a node already');
  expect(stdout).toMatch(/^ {2}h2 {2}done .*\n {2}h3 {2}done .*\nThe cluster is up: 2 nodes/);
  expect(await ledger()).toBe(before);
  expect((await commandsRun()) - ran).toBe(1);
});

test('a machine that the file gives another role than it has is refused, and left as it is', async () => {
  const { exitCode, stderr } = await up({ address: 'h3', role: 'control-plane' }, { address: 'h2' });
  expect(exitCode).toBe(3);
  expect(stderr).toContain('h3 has joined a cluster as a worker; nothing was changed');
  expect(await readyNodes()).toEqual(['h2', 'rack-1']);
});

test('a machine with the name of another is refused before anything is changed on it', async () => {
  const { exitCode, stderr } = await up(MASTER, { address: 'h1', nodeName: 'rack-1' });
  expect(exitCode).toBe(4);
  expect(stderr).toContain('h1: the cluster has a node rack-1 already; nothing was changed');
  const { exitCode: absent } = await lab
    .host('h1')
    .exec(['test', '-e', '/var/lib/kadm'], { allowFailure: true });
  expect(absent).toBe(1);
});

test('a machine added to the file joins, be it the one on which the command runs', async () => {
  const { exitCode, stderr } = await up(MASTER, { address: 'h[1-1]' }, { address: 'h3' });
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(await readyNodes()).toEqual(['h1', 'h2', 'rack-1']);
  expect(await leftovers()).not.toMatch(/bootstrap-token|^kadm-|^images-/m);
});

test('hosts are named by role, by name, and by the cluster that they are', async () => {
  // h1 alone has the key that opens the others.
  for (const file of ['id_ed25519', 'known_hosts']) {
    const { stdout: input } = await lab.host('h1').exec(['cat', `/root/.ssh/${file}`]);
    await lab.host('h2').exec(['install', '-m', '600', '/dev/stdin', `/root/.ssh/${file}`], { input });
  }
  const hostnames = async (...argv: string[]): Promise<string[]> => {
    const { stdout } = await lab.host('h2').exec(['kadm', 'exec', ...argv, '--', 'uname', '-n']);
    return [...stdout.matchAll(/^\[\S+\] (h\d)$/gm)].map(([, name = '']) => name).sort();
  };
  expect(await hostnames('--hosts', 'workers')).toEqual(['h1', 'h3']);
  expect(await hostnames('--hosts', 'masters,rack-1')).toEqual(['h2', 'h3']);
});

test('what a host says keeps its order, whatever others say meanwhile', async () => {
  const argv = ['kadm', 'exec', '--hosts', 'workers', '--', 'seq', '1', '3000'];
  const { stdout } = await lab.host('h2').exec(argv);
  const said = Map.groupBy(stdout.matchAll(/^\[(\S+)\] (\d+)$/gm), ([, host]) => host);
  expect(said.size).toBe(2);
  const wanted = Array.from({ length: 3000 }, (_, index) => index + 1).join(' ');
  for (const lines of said.values()) expect(lines.map(([, , number]) => number).join(' ')).toBe(wanted);
});

test('a machine taken out of the file is told of, and with --prune taken out of the cluster', async () => {
  const told = await up(MASTER, { address: 'h1' });
  expect(told).toMatchObject({
    exitCode: 0,
    stderr: expect.stringContaining('not in the file, and left as they are: rack-1'),
  });
  expect(await readyNodes()).toEqual(['h1', 'h2', 'rack-1']);
  // Put there without the scheduler, which the taint of the node would stop.
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'guest', namespace: 'default' },
    spec: {
      nodeName: 'rack-1',
      terminationGracePeriodSeconds: 1,
      containers: [
        { name: 'pause', image: imageName('image-pause', releaseFor(DEFAULT_KUBERNETES_VERSION)) },
      ],
    },
  };
  await kubectl.apply([pod]);
  const { exitCode, stderr } = await upWith(['--prune'], [MASTER, { address: 'h1' }]);
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(await readyNodes()).toEqual(['h1', 'h2']);
  // Evicted: of a node that is gone the cluster deletes pods only after a while.
  expect(await kubectl.run('get', 'pods', '--namespace', 'default', '--output', 'name')).toBe('');
  const { exitCode: kept } = await lab
    .host('h3')
    .exec(['test', '-e', '/var/lib/kadm'], { allowFailure: true });
  expect(kept).toBe(1);
});

test('a file without a control plane, or with two, is wrong usage', async () => {
  expect(await up({ address: 'h3' })).toMatchObject({ exitCode: 2 });
  expect(await up(MASTER, { address: 'h3', role: 'control-plane' })).toMatchObject({ exitCode: 2 });
});
