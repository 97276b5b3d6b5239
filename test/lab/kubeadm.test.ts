import { copyFile, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { program } from '../../src/cli/program.ts';
import { DEFAULT_KUBERNETES_VERSION } from '../../src/components/catalog.ts';
import type { RunResult } from '../../src/host/command.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { KADM_PATH } from '../../src/node/components.ts';
import { captureMaster } from '../compare/capture.ts';
import { differencesOf, type Master } from '../compare/differences.ts';
import { rowsOf, untrue } from '../compare/document.ts';
import { lackingFlags, SHARED_COMMANDS } from '../compare/flags.ts';
import { lackingRows, untrueLacking } from '../compare/lacking.ts';
import { lackingPhases } from '../compare/phases.ts';
import { removeLab } from './bare-lab.ts';
import { differences, type HostSnapshot, snapshotHost } from './host-snapshot.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { installKubeadm, kubeadmInit, kubeadmJoin, prepareForKubeadm } from './support/kubeadm-host.ts';

/*
 * The real kubeadm of the same version beside kadm: first h1 is a master of kadm's and kubeadm joins h2, then h1
 * is a master of kubeadm's and kadm joins h2.
 */
const LAB = 'test-kubeadm';
const DIFFERENCES = new URL('../../docs/kubeadm-differences.md', import.meta.url);
const VERB_TIMEOUT_MS = 300_000;

let lab: Lab;
let master: LabHost;
let worker: LabHost;
/** The worker as somebody prepared it for kubeadm. */
let prepared: HostSnapshot;
let inRuntime: string;
/** What kadm has made of h1. */
let byKadm: Master;

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 2);
  master = lab.host('h1');
  worker = lab.host('h2');
  await Promise.all([on(master, 'kadm', 'init'), prepareForKubeadm(worker, 'worker')]);
  await on(master, 'kubectl', 'wait', '--for=condition=Ready', 'node/h1', '--timeout=120s');
  byKadm = await captureMaster(master);
  await installKubeadm(master);
  // Who prepared the worker has no kadm, and forgot a plugin: adoption brings both.
  await on(worker, 'rm', '--force', KADM_PATH, '/opt/cni/bin/portmap');
  prepared = await snapshotHost(worker);
  inRuntime = await runtimeContents();
});

afterAll(async () => {
  await removeLab(LAB);
});

async function attempt(host: LabHost, ...argv: string[]): Promise<RunResult> {
  return await host.exec(argv, { timeoutMs: VERB_TIMEOUT_MS, allowFailure: true });
}

async function on(host: LabHost, ...argv: string[]): Promise<string> {
  return (await host.exec(argv, { timeoutMs: VERB_TIMEOUT_MS })).stdout;
}

/** The runtime was the worker's own before: what of Kubernetes it has in it. */
async function runtimeContents(): Promise<string> {
  const lists = ['containers', 'tasks', 'sandboxes', 'snapshots', 'leases', 'images'].map(async (what) => {
    return await on(worker, 'ctr', '--namespace', 'k8s.io', what, 'list');
  });
  const snapshots = '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots';
  return [...(await Promise.all(lists)), await on(worker, 'ls', snapshots)].join('\n');
}

async function readiness(node: string): Promise<string> {
  const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}';
  return (await attempt(master, 'kubectl', 'get', 'node', node, '--output', path)).stdout;
}

/** New pods of CoreDNS, one of them on the worker; they are ready once they reach the API by its Service. */
async function podsCrossTheNetwork(): Promise<void> {
  const dns = ['--namespace', 'kube-system', 'deployment/coredns'];
  await on(master, 'kubectl', 'rollout', 'restart', ...dns);
  await on(master, 'kubectl', 'rollout', 'status', ...dns, '--timeout=120s');
  const path = 'jsonpath={.items[?(@.spec.nodeName=="h2")].status.podIP}';
  const pods = [
    'get',
    'pods',
    '--namespace',
    'kube-system',
    '--selector',
    'k8s-app=kube-dns',
    '--output',
    path,
  ];
  const [address = ''] = (await on(master, 'kubectl', ...pods)).split(' ').slice(-1);
  expect(address).toMatch(/^10\.244\./);
  await on(master, 'timeout', '5', 'bash', '-c', `exec 3<>/dev/tcp/${address}/53`);
}

describe('kubeadm on a master of kadm’s', () => {
  it.each([
    ['token list', /made by kadm init/],
    [`config images list --kubernetes-version ${DEFAULT_KUBERNETES_VERSION}`, /kube-apiserver:v/],
    ['certs check-expiration', /^apiserver-etcd-client +\w+ \d+, \d+ .* etcd-ca +no/m],
    [`upgrade plan ${DEFAULT_KUBERNETES_VERSION}`, /Cluster version: /],
  ])('`kubeadm %s` reads it without complaint', async (words, expected) => {
    const { exitCode, stdout, stderr } = await attempt(master, 'kubeadm', ...words.split(' '));
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(expected);
  });

  it('names just the images that kadm has brought', async () => {
    const argv = ['kubeadm', 'config', 'images', 'list', '--kubernetes-version', DEFAULT_KUBERNETES_VERSION];
    const wanted = (await on(master, ...argv)).trim().split('\n').sort();
    const present = (await on(master, 'ctr', '--namespace', 'k8s.io', 'images', 'list', '--quiet')).split(
      '\n',
    );
    expect(present.filter((name) => /^registry.*:v?\d/.test(name)).sort()).toEqual(wanted);
  });
});

describe('what kubeadm has of flags and of phases', () => {
  const helpOf = new Map<string, string>();
  let markdown: string;

  beforeAll(async () => {
    for (const [command, words] of SHARED_COMMANDS)
      helpOf.set(command, await on(master, 'kubeadm', ...words.split(' '), '--help'));
    markdown = await readFile(DIFFERENCES, 'utf8');
    // What the build puts in.
    vi.stubGlobal('KADM_VERSION', '0.0.0');
  });

  it('is a flag here too, or in the table of docs/kubeadm-differences.md', () => {
    expect(untrueLacking(lackingRows(markdown, 'flag'), lackingFlags(program(), helpOf))).toEqual([]);
  });

  it('is a phase here too, or a part of one, or in the table', () => {
    expect(untrueLacking(lackingRows(markdown, 'phase'), lackingPhases(helpOf))).toEqual([]);
  });
});

describe('a worker that kubeadm joined to a cluster of kadm’s', () => {
  it('is a node, and waits for a network', async () => {
    await kubeadmJoin(worker, await on(master, 'kadm', 'token', 'create', '--print-join-command'));
    await expect.poll(async () => await readiness('h2'), { timeout: 30_000 }).toBe('False');
  });

  it('is adopted from the master: agent, pod network, ledger', async () => {
    await on(master, 'kadm', 'node', 'adopt', '--ssh', 'root@h2');
    expect(await readiness('h2')).toBe('True');
    await podsCrossTheNetwork();
  });

  it('is left as it is when it is adopted again, or joined', async () => {
    const ledger = async (): Promise<string> => await on(worker, 'cat', '/var/lib/kadm/ledger/ledger.ndjson');
    const before = await ledger();
    expect(await attempt(worker, 'kadm', 'node', 'adopt')).toMatchObject({ exitCode: 0 });
    const words = [
      '10.0.0.1:6443',
      '--token',
      'abcdef.0123456789abcdef',
      '--discovery-token-unsafe-skip-ca-verification',
    ];
    expect(await attempt(worker, 'kadm', 'join', ...words)).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('this host has already joined a cluster; nothing was changed'),
    });
    expect(await ledger()).toBe(before);
  });

  it('is taken out of the cluster by kadm, and is what it was before kubeadm', async () => {
    await on(master, 'kadm', 'reset', '--force', '--ssh', 'root@h2');
    const left = differences(prepared, await snapshotHost(worker));
    expect(left.filter((line) => !/ \/(run|var\/lib)\/containerd\//.test(line))).toEqual([]);
    expect(await runtimeContents()).toBe(inRuntime);
    expect(await on(master, 'kubectl', 'get', 'nodes', '--output', 'name')).toBe('node/h1\n');
  });
});

describe('a cluster that kubeadm made', () => {
  let join: string[];
  let byKubeadm: Master;

  beforeAll(async () => {
    await copyFile(`${master.rootfs}${KADM_PATH}`, `${worker.rootfs}${KADM_PATH}`);
    await on(master, 'kadm', 'reset', '--force');
    await prepareForKubeadm(master, 'control-plane');
    await kubeadmInit(master);
    byKubeadm = await captureMaster(master);
    await on(master, 'mkdir', '-p', '/root/.kube');
    await on(master, 'cp', '/etc/kubernetes/admin.conf', '/root/.kube/config');
    const command = await on(master, 'kubeadm', 'token', 'create', '--print-join-command');
    join = ['kadm', ...command.trim().split(/\s+/).slice(1)];
  });

  it('differs from kadm’s in what docs/kubeadm-differences.md lists, and in nothing else', async () => {
    const page = await readFile(DIFFERENCES, 'utf8');
    expect(untrue(rowsOf(page), differencesOf(byKadm, byKubeadm))).toEqual([]);
  });

  it('takes a worker that kadm joins, and is told of its network', async () => {
    const { exitCode, stdout, stderr } = await attempt(worker, ...join);
    expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain('it becomes Ready with the pod network of that cluster');
    expect(stderr).toContain('`kadm node adopt` on its control plane');
    expect(await readiness('h2')).toBe('False');
  });

  it('has no agents for its workers before its control plane has one', async () => {
    const refused = await attempt(worker, 'kadm', 'node', 'adopt');
    expect(refused.exitCode).toBe(3);
    expect(refused.stderr).toContain('kadm: this cluster has no pod network of kadm’s\n');
    expect(refused.stderr).toContain('run `kadm node adopt` on its control plane first');
  });

  it('gets kadm’s network by adopting its control plane, then its workers', async () => {
    await on(master, 'kadm', 'node', 'adopt');
    expect(await readiness('h1')).toBe('True');
    await on(worker, 'kadm', 'node', 'adopt');
    expect(await readiness('h2')).toBe('True');
    await podsCrossTheNetwork();
  });

  it('has workers Ready at once from then on', async () => {
    await on(master, 'kadm', 'reset', '--force', '--ssh', 'root@h2');
    expect(await on(worker, ...join)).toContain('This host is node h2 of the cluster, and Ready.');
  });

  it('ends where kadm resets its hosts', async () => {
    await on(master, 'kadm', 'reset', '--force', '--ssh', 'root@h2');
    await on(master, 'kadm', 'reset', '--force');
    const folders = ['/etc/kubernetes', '/var/lib/etcd', '/var/lib/kubelet'];
    const left = await attempt(master, 'find', ...folders, '-mindepth', '1');
    expect(left.stdout).toBe('');
    expect(await on(master, 'systemctl', 'is-active', 'containerd.service')).toBe('active\n');
    expect(await on(master, 'ctr', '--namespace', 'k8s.io', 'containers', 'list', '--quiet')).toBe('');
  });
});
