import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { removeLab } from './bare-lab.ts';
import { differences, type HostSnapshot, snapshotHost } from './host-snapshot.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';

/*
 * What kadm leaves behind: a host after reset is compared, aspect by aspect, with the bare host that it was.
 * Times and machine-wide kernel settings are the lab's own matter (src/lab/machine-state.ts).
 */
const LAB = 'test-reset';
const VERB_TIMEOUT_MS = 300_000;

let lab: Lab;
let master: LabHost;
let worker: LabHost;
const bare = new Map<string, HostSnapshot>();

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 2);
  master = lab.host('h1');
  worker = lab.host('h2');
  for (const host of lab.hosts) bare.set(host.name, await snapshotHost(host));
  await makeCluster();
});

afterAll(async () => {
  await removeLab(LAB);
});

async function onMaster(...argv: string[]): Promise<string> {
  return (await master.exec(argv, { timeoutMs: VERB_TIMEOUT_MS })).stdout;
}

async function makeCluster(): Promise<void> {
  await onMaster('kadm', 'init');
  await onMaster('kadm', 'join', '--ssh', 'root@h2');
}

async function leftOn(host: LabHost): Promise<string[]> {
  const before = bare.get(host.name);
  if (before === undefined) throw new Error(`no snapshot of ${host.name}`);
  return differences(before, await snapshotHost(host));
}

/** Pods on the worker make links, addresses, rules, mounts and cgroups, which reset has to find. */
async function useTheWorker(): Promise<void> {
  await onMaster('kubectl', 'rollout', 'restart', 'deployment/coredns', '--namespace', 'kube-system');
  await onMaster(
    'kubectl',
    'rollout',
    'status',
    'deployment/coredns',
    '--namespace',
    'kube-system',
    '--timeout=120s',
  );
}

describe('kadm reset', () => {
  it('takes a worker out of the cluster and leaves nothing on it', async () => {
    await useTheWorker();
    expect(await leftOn(worker)).not.toEqual([]);
    await onMaster('kadm', 'reset', '--force', '--ssh', 'root@h2');
    expect(await leftOn(worker)).toEqual([]);
    expect(await onMaster('kubectl', 'get', 'nodes', '--output', 'name')).toBe('node/h1\n');
  });

  it('is noticed when it forgets a file, a rule or a link', async () => {
    await worker.exec(['touch', '/etc/cni-leftover']);
    await worker.exec(['iptables', '-N', 'KUBE-LEFTOVER']);
    await worker.exec(['ip', 'link', 'add', 'cni9', 'type', 'bridge']);
    const left = await leftOn(worker);
    await worker.exec(['rm', '/etc/cni-leftover']);
    await worker.exec(['nft', 'delete', 'table', 'ip', 'filter']);
    await worker.exec(['ip', 'link', 'delete', 'cni9']);
    expect(left).toContainEqual(expect.stringContaining('files + /etc/cni-leftover'));
    expect(left).toContainEqual(expect.stringContaining('KUBE-LEFTOVER'));
    expect(left).toContainEqual(expect.stringMatching(/^links \+ cni9/));
    expect(await leftOn(worker)).toEqual([]);
  });

  it('makes room for joining again', async () => {
    await onMaster('kadm', 'join', '--ssh', 'root@h2');
    const ready = await onMaster('kubectl', 'wait', '--for=condition=Ready', 'node/h2', '--timeout=60s');
    expect(ready).toContain('condition met');
  });

  it('leaves nothing on any host when all are reset, and init works again', async () => {
    await useTheWorker();
    await worker.exec(['kadm', 'reset', '--force'], { timeoutMs: VERB_TIMEOUT_MS });
    await onMaster('kadm', 'reset', '--force');
    expect(await leftOn(worker)).toEqual([]);
    expect(await leftOn(master)).toEqual([]);
    await makeCluster();
    const nodes = await onMaster(
      'kubectl',
      'wait',
      '--for=condition=Ready',
      'node',
      '--all',
      '--timeout=60s',
    );
    expect(nodes.trim().split('\n')).toHaveLength(2);
  });

  it('has nothing to undo on a host that kadm never changed', async () => {
    await worker.exec(['kadm', 'reset', '--force'], { timeoutMs: VERB_TIMEOUT_MS });
    const again = await worker.exec(['kadm', 'reset', '--force'], { timeoutMs: VERB_TIMEOUT_MS });
    expect(again.stdout).toContain('nothing to undo');
    expect(await leftOn(worker)).toEqual([]);
  });
});
