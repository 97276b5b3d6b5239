import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { Lab } from '../../src/lab/lab.ts';
import { sharedCluster } from './support/cluster.ts';
import { Kubectl } from './support/kubectl.ts';

const conditions = z.array(z.object({ type: z.string(), status: z.string() }));
const nodeList = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string() }), status: z.object({ conditions }) })),
});
const componentStatuses = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string() }), conditions })),
});

let lab: Lab;
let kubectl: Kubectl;

beforeAll(async () => {
  lab = await sharedCluster();
  kubectl = new Kubectl(lab.host('h1'));
});

test('the cluster has three nodes, and all are Ready', async () => {
  const { items } = await kubectl.get(nodeList, 'nodes');
  const ready = items.map(({ metadata, status }) => [
    metadata.name,
    status.conditions.find(({ type }) => type === 'Ready')?.status,
  ]);
  expect(Object.fromEntries(ready)).toEqual({ h1: 'True', h2: 'True', h3: 'True' });
});

test('it runs every pod of kube-system, both replicas of CoreDNS included', async () => {
  const state = async (): Promise<string[]> =>
    (await kubectl.pods('--namespace', 'kube-system'))
      .map(({ name, node, phase, ready }) => {
        const owner = name.replace(/^(coredns)-\w+-\w+$|^(kube-proxy)-\w+$/, '$1$2');
        return `${owner} ${owner === 'coredns' ? '' : `${node} `}${phase} ${ready ? 'ready' : 'not ready'}`;
      })
      .sort();
  await expect
    .poll(state, { timeout: 60_000, interval: 1_000 })
    .toEqual([
      'coredns Running ready',
      'coredns Running ready',
      'etcd-h1 h1 Running ready',
      'kube-apiserver-h1 h1 Running ready',
      'kube-controller-manager-h1 h1 Running ready',
      'kube-proxy h1 Running ready',
      'kube-proxy h2 Running ready',
      'kube-proxy h3 Running ready',
      'kube-scheduler-h1 h1 Running ready',
    ]);
});

test('it shows healthy components to `kubectl get cs`', async () => {
  const { items } = await kubectl.get(componentStatuses, 'cs');
  const health = items.map((one) => [
    one.metadata.name,
    one.conditions.find(({ type }) => type === 'Healthy')?.status,
  ]);
  expect(Object.fromEntries(health)).toEqual({
    'controller-manager': 'True',
    scheduler: 'True',
    'etcd-0': 'True',
  });
});

test.each(['h1', 'h2', 'h3'])('it describes %s with its pod CIDR and flannel’s annotations', async (name) => {
  const text = await kubectl.run('describe', 'node', name);
  expect(text).toMatch(/^PodCIDR: +10\.244\.\d+\.0\/24$/m);
  const annotation = (key: string): string | undefined =>
    new RegExp(`flannel\\.alpha\\.coreos\\.com/${key}: (.*)$`, 'm').exec(text)?.[1];
  expect(annotation('backend-type')).toBe('vxlan');
  expect(annotation('kube-subnet-manager')).toBe('true');
  expect(annotation('public-ip')).toBe(lab.host(name).address);
  expect(JSON.parse(annotation('backend-data') ?? '')).toEqual({
    VNI: 1,
    VtepMAC: expect.stringMatching(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/),
  });
});

test.each(['h1', 'h2', 'h3'])('systemd on %s knows all units as they are on disk', async (name) => {
  const units = ['containerd', 'kubelet', 'kadm-agent', 'ssh'];
  const stale = async (): Promise<string[]> => {
    const argv = ['systemctl', 'show', '--property=Id,NeedDaemonReload', ...units];
    return (await lab.host(name).exec(argv)).stdout.trim().split(/\n+/);
  };
  await expect
    .poll(stale, { timeout: 30_000 })
    .toEqual(units.flatMap((unit) => [`Id=${unit}.service`, 'NeedDaemonReload=no']));
});

test('a worker shows the certificates that it has, which renew themselves', async () => {
  const worker = lab.host('h2');
  const { stdout } = await worker.exec(['kadm', 'certs', 'check-expiration']);
  const rows = stdout.split('\n').map((line) => line.split(/ {2,}/));
  expect(rows.map(([name]) => name)).toEqual([
    'CERTIFICATE',
    'kubelet.conf',
    'agent',
    '',
    'CERTIFICATE AUTHORITY',
    'ca',
    '',
  ]);
  const renew = await worker.exec(['kadm', 'certs', 'renew', 'all'], { allowFailure: true });
  expect([renew.exitCode, renew.stderr]).toEqual([
    1,
    'kadm: kubelet.conf is renewed by the kubelet itself\nagent is renewed by the agent itself (kadm-agent.service)\n      nothing was changed\n',
  ]);
});
