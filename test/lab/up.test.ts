import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { LocalHost } from '../../src/host/host.ts';
import { CONFIG_PATH } from '../../src/lab/host-config.ts';
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
}

const MASTER: Host = { address: 'h2', role: 'control-plane' };
let lab: Lab;
let kubectl: Kubectl;

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 3);
  kubectl = new Kubectl(lab.host('h2'));
  // Labs have kadm on every host; real machines do not.
  for (const name of ['h2', 'h3']) await lab.host(name).exec(['rm', KADM_PATH]);
});

afterAll(async () => {
  await removeLab(LAB);
});

/** Runs `kadm up` on h1 with these hosts. */
async function up(...hosts: Host[]): ReturnType<Lab['hosts'][number]['exec']> {
  const { rootfs } = lab.host('h1');
  const text = (await new LocalHost().readFile(`${rootfs}${CONFIG_PATH}`))?.toString('utf8') ?? '';
  const documents = parseAllDocuments(text);
  documents.find((document) => document.get('kind') === 'Cluster')?.setIn(['spec', 'hosts'], hosts);
  await new LocalHost().writeFile(`${rootfs}${FILE}`, documents.map(String).join(''), { mode: 0o600 });
  const options = { timeoutMs: UP_TIMEOUT_MS, allowFailure: true };
  return await lab.host('h1').exec(['kadm', 'up', '-f', FILE], options);
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

test('machines without kadm become a cluster, from a machine that is no part of it', async () => {
  const { exitCode, stderr } = await up(MASTER, { address: 'h3' });
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(await readyNodes()).toEqual(['h2', 'h3']);
  expect(await leftovers()).not.toMatch(/bootstrap-token|^kadm-|^images-/m);
});

test('a second time there is nothing to do, which is said and takes no token', async () => {
  const ledger = async (): Promise<string> =>
    (await lab.host('h3').exec(['cat', '/var/lib/kadm/ledger/ledger.ndjson'])).stdout;
  const before = await ledger();
  const { exitCode, stderr } = await up(MASTER, { address: 'h3' });
  expect(exitCode).toBe(0);
  expect(stderr).toContain('it is a control plane already');
  expect(stderr).toContain('it is a node already');
  expect(await ledger()).toBe(before);
});

test('a machine that the file gives another role than it has is refused, and left as it is', async () => {
  const { exitCode, stderr } = await up({ address: 'h3', role: 'control-plane' }, { address: 'h2' });
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain('h3 has joined a cluster as a worker; nothing was changed');
  expect(await readyNodes()).toEqual(['h2', 'h3']);
});

test('a machine added to the file joins, be it the one on which the command runs', async () => {
  const { exitCode, stderr } = await up(MASTER, { address: 'h[1-1]' }, { address: 'h3' });
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(await readyNodes()).toEqual(['h1', 'h2', 'h3']);
  expect(await leftovers()).not.toMatch(/bootstrap-token|^kadm-|^images-/m);
});

test('a file without a control plane, or with two, is wrong usage', async () => {
  expect(await up({ address: 'h3' })).toMatchObject({ exitCode: 2 });
  expect(await up(MASTER, { address: 'h3', role: 'control-plane' })).toMatchObject({ exitCode: 2 });
});
