import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { joinPhases } from '../../src/join/index.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { resetPhases } from '../../src/reset/index.ts';
import { removeLab } from './bare-lab.ts';
import { differences, type HostSnapshot, snapshotHost } from './host-snapshot.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { Watch } from './support/refusal.ts';
import { privateKeys, SecretWatch } from './support/secrets.ts';

/*
 * Also a join and a reset that are dry, and phase by phase. What kadm leaves behind: a host after reset is compared, aspect by aspect, with the bare host that it was.
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

async function onWorker(...argv: string[]): Promise<string> {
  return (await worker.exec(argv, { timeoutMs: VERB_TIMEOUT_MS })).stdout;
}

const JOIN_CONFIG = '/root/join.yaml';
/** What the test itself leaves while it watches. */
const OF_THE_TEST = /\/root\/join\.yaml|\/srv\/seen-processes|watch-processes|perl -e/;

/** @returns the secret half of the token in a configuration by which the worker can join */
async function tokenForTheWorker(): Promise<string> {
  const printed = await onMaster('kadm', 'token', 'create', '--print-join-command');
  const [endpoint, , token = '', , hash] = printed.trim().split(/\s+/).slice(2);
  const discovery = { bootstrapToken: { apiServerEndpoint: endpoint, token, caCertHashes: [hash] } };
  const document = { apiVersion: 'kubeadm.k8s.io/v1beta4', kind: 'JoinConfiguration', discovery };
  await worker.exec(['sh', '-c', `umask 077; cat /etc/kadm/config.yaml - >${JOIN_CONFIG}`], {
    input: `---\n${JSON.stringify(document)}\n`,
  });
  return token.split('.')[1] ?? '';
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
  it('says, when it is dry, what it would end, change and remove, and changes nothing', async () => {
    const running = await Watch.begin(master);
    const started = await onMaster('stat', '--format=%Y', '/proc/1', '/run/containerd/containerd.sock');
    const said = await onMaster('kadm', 'reset', '--dry-run');
    for (const expected of [
      /^run systemctl stop kubelet\.service$/m,
      /^end container kube-system\/kube-apiserver-h1\/kube-apiserver$/m,
      /^run umount \/var\/lib\/kubelet\/pods\//m,
      /^run ip link delete dev flannel\.1$/m,
      /^ {2}\| -X KUBE-SERVICES$/m,
      /^remove the nftables table ip nat, if nothing is left in it$/m,
      /^set \/proc\/sys\/\S+ to \d+$/m,
      /^remove \/etc\/kubernetes\/pki\/ca\.key$/m,
      /^remove \/var\/lib\/etcd(\/member)? and everything below it$/m,
      /^remove directory \/etc\/kubernetes\/pki, if nothing is left in it$/m,
      /^remove \/var\/lib\/kadm and everything below it$/m,
    ])
      expect(said).toMatch(expected);
    expect(await running.changes('running')).toEqual([]);
    expect(await onMaster('stat', '--format=%Y', '/proc/1', '/run/containerd/containerd.sock')).toBe(started);
    const ready = await onMaster('kubectl', 'wait', '--for=condition=Ready', 'node/h1', '--timeout=30s');
    expect(ready).toContain('condition met');
  });

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

  it('makes room for joining again: dry, then phase by phase', async () => {
    const token = await tokenForTheWorker();
    const flags = ['--config', JOIN_CONFIG];
    const secrets = await SecretWatch.begin(worker);
    const said = await onWorker('kadm', 'join', ...flags, '--dry-run');
    for (const expected of [
      /^install \/usr\/local\/bin\/kubelet \(mode 755, SHA-256 [0-9a-f]{64}\)/m,
      /^create \/etc\/systemd\/system\/kubelet\.service/m,
      /^run systemctl .*enable kubelet\.service$/m,
      /^create a CertificateSigningRequest of system:node:h2 /m,
      /^create \/var\/lib\/kubelet\/pki\/kubelet-client-\S+\.pem \(mode 600, not shown: secret\)$/m,
      /^create \/etc\/kubernetes\/kubelet\.conf \(mode 600, \d+ bytes\)$/m,
      /^create \/etc\/kadm\/agent\.yaml/m,
    ])
      expect(said).toMatch(expected);
    expect(said).not.toContain(token);
    expect((await leftOn(worker)).filter((line) => !OF_THE_TEST.test(line))).toEqual([]);
    expect(await onMaster('kubectl', 'get', 'nodes', '--output', 'name')).toBe('node/h1\n');

    const listed = await onWorker('kadm', 'join', 'phase');
    for (const { id, title } of joinPhases) {
      expect(listed).toMatch(new RegExp(`^${id} +${title}$`, 'm'));
      if (id !== 'wait-node-ready') await onWorker('kadm', 'join', 'phase', id, ...flags);
    }
    const file = ['--discovery-file', '/etc/kubernetes/kubelet.conf'];
    await onWorker('kadm', 'join', 'phase', 'kubelet-wait-bootstrap', ...file);
    const ready = await onMaster('kubectl', 'wait', '--for=condition=Ready', 'node/h2', '--timeout=60s');
    expect(ready).toContain('condition met');
    expect(await secrets.saw('kubelet-start')).toBe(true);
    expect(await secrets.foundIn([token], new RegExp(`^${JOIN_CONFIG}$`))).toEqual([]);
    const keys = await privateKeys(worker);
    expect(await secrets.foundIn(keys, /^\/var\/lib\/kadm\/agent\/client\.pem$/)).toEqual([]);
    await secrets.end();
    await onWorker('rm', JOIN_CONFIG);
  });

  it('leaves nothing on any host when all are reset, and init works again', async () => {
    await useTheWorker();
    // As a runc leaves it that was ended at the wrong moment, where the machine has cgroup v1.
    await onWorker(
      'sh',
      '-c',
      'for f in $(find /sys/fs/cgroup/freezer/kubepods.slice/*/*/ -name freezer.state | tail -n 1); do echo FROZEN >$f; done',
    );
    const listed = await onWorker('kadm', 'reset', 'phase');
    for (const { id, title } of resetPhases) {
      expect(listed).toMatch(new RegExp(`^${id} +${title}$`, 'm'));
      await onWorker('kadm', 'reset', 'phase', id, '--force');
    }
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
