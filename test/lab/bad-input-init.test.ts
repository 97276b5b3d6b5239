import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { expectRefusal, type Refusal, Watch } from './support/refusal.ts';

/*
 * What kadm init is given that cannot work: one clear line, the documented exit code (1 failed, 2 wrong usage or
 * configuration, 3 the host is not ready), and hosts on which nothing has changed.
 */
const LAB = 'test-bad-init';
const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

let host: LabHost;
let bare: Watch;

beforeAll(async () => {
  host = (await bareLabWithKadm(LAB, 1)).host('h1');
  bare = await Watch.begin(host);
});
afterAll(() => removeLab(LAB));
afterEach(async () => {
  expect(await bare.changes()).toEqual([]);
});

test.each<[string, string[], Refusal]>([
  [
    'an unknown flag',
    ['--colour'],
    { exitCode: 2, line: "unknown option '--colour'", remedy: '`kadm init --help` shows what there is' },
  ],
  [
    'an argument too many',
    ['now'],
    {
      exitCode: 2,
      line: "too many arguments for 'init'. Expected 0 arguments but got 1.",
      remedy: '`kadm init --help` shows what there is',
    },
  ],
  [
    'a pod network that is no CIDR',
    ['--pod-network-cidr', '10.244.0.0'],
    { exitCode: 2, line: '--pod-network-cidr: "10.244.0.0" is not a CIDR such as 10.244.0.0/16' },
  ],
  [
    'a service network with a prefix that cannot be',
    ['--service-cidr', '10.96.0.0/33'],
    { exitCode: 2, line: '--service-cidr: "10.96.0.0/33" is not a CIDR such as 10.244.0.0/16' },
  ],
  [
    'a CIDR with host bits',
    ['--pod-network-cidr', '10.244.0.1/16'],
    {
      exitCode: 2,
      line: '--pod-network-cidr: 10.244.0.1/16 has host bits set: the network of that length is 10.244.0.0/16',
    },
  ],
  [
    'networks that overlap',
    ['--pod-network-cidr', '10.97.0.0/16'],
    {
      exitCode: 2,
      line: '--pod-network-cidr 10.97.0.0/16 and --service-cidr 10.96.0.0/12 overlap',
      remedy: 'choose two networks that share no address, such as 10.244.0.0/16 and 10.96.0.0/12',
    },
  ],
  [
    'a pod network that holds this host',
    ['--pod-network-cidr', '192.168.0.0/16'],
    {
      exitCode: 3,
      line: /this host is not ready: the cluster's network 192\.168\.0\.0\/16 overlaps with 192\.168\.\d+\.11, which this host uses/,
      remedy: /choose another --pod-network-cidr .*\(nothing was changed; .*AddressConflict.*\)/,
    },
  ],
  [
    'an advertise address that is none',
    ['--apiserver-advertise-address', 'here'],
    { exitCode: 2, line: '--apiserver-advertise-address: "here" is not an IP address' },
  ],
  [
    'the address of another host',
    ['--apiserver-advertise-address', '203.0.113.9'],
    {
      exitCode: 3,
      line: 'this host is not ready: 203.0.113.9 is not an address of this host',
      remedy: /its addresses are 192\.168\.\d+\.11.*/,
    },
  ],
  [
    'a Kubernetes version that the catalog lacks',
    ['--kubernetes-version', 'v1.20.0'],
    {
      exitCode: 2,
      line: 'this kadm does not know Kubernetes v1.20.0',
      remedy: /choose one of: v1\.36\.3.*/,
    },
  ],
  [
    'a malformed token, which is not repeated',
    ['--token', 'secret'],
    {
      exitCode: 2,
      line: 'the join token is not of the form abcdef.0123456789abcdef',
      remedy: '`kadm token generate` makes one',
    },
  ],
])('kadm init refuses %s', async (_, flags, refusal) => {
  await expectRefusal(host, ['kadm', 'init', ...flags], refusal);
});

test('kadm init refuses to run as another user than root, as join and reset do', async () => {
  const refusal: Refusal = { exitCode: 3, line: 'kadm needs root here', remedy: 'run it with sudo' };
  const join = [
    'join',
    '192.0.2.1:6443',
    '--token',
    'abcdef.0123456789abcdef',
    '--discovery-token-unsafe-skip-ca-verification',
  ];
  for (const verb of [['init'], join, ['join', '--ssh', 'root@h2'], ['reset', '--force']]) {
    await expectRefusal(host, [...NOBODY, 'kadm', ...verb], refusal);
  }
});

test('kadm init refuses a host on which port 6443 is taken, and says by whom', async () => {
  const unit = ['systemd-run', '--quiet', '--collect', '--unit=taken'];
  await host.exec([...unit, 'socat', 'TCP-LISTEN:6443', 'STDOUT']);
  await expect
    .poll(async () => (await host.exec(['ss', '-Hltn', 'sport = :6443'])).stdout)
    .toContain(':6443');
  await expectRefusal(host, ['kadm', 'init'], {
    exitCode: 3,
    line: /this host is not ready: port 6443 is taken by socat \(pid \d+\)/,
    remedy: /stop it, or let it listen elsewhere \(nothing was changed; .*Port-6443.*\)/,
  });
  await host.exec(['systemctl', 'stop', 'taken.service']);
});

test('kadm init refuses manifests of a control plane, and no others, and tells of firewalld', async () => {
  const manifests = '/etc/kubernetes/manifests';
  await host.exec(['mkdir', '-p', manifests]);
  await host.exec(['touch', `${manifests}/kube-scheduler.yaml`, `${manifests}/virtual-address.yaml`]);
  await host.exec(['systemd-run', '--quiet', '--collect', '--unit=firewalld', 'sleep', '600']);
  const { exitCode, stderr } = await host.exec(['kadm', 'init'], { allowFailure: true });
  expect(exitCode).toBe(3);
  expect(stderr).toContain(`this host is not ready: ${manifests}/kube-scheduler.yaml is there already`);
  expect(stderr).toContain(
    '--ignore-preflight-errors=FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml goes on',
  );
  expect(stderr).toContain('[Firewalld] firewalld is at work here: let the other nodes reach TCP 6443');
  expect(stderr).not.toContain('virtual-address');
  await host.exec(['systemctl', 'stop', 'firewalld.service']);
  await host.exec(['rm', '-r', '/etc/kubernetes']);
});

test('kadm join --ssh asks for an init first', async () => {
  await expectRefusal(host, ['kadm', 'join', '--ssh', 'root@h2'], {
    exitCode: 3,
    line: 'this host is not a master: there is no /etc/kubernetes/admin.conf',
    remedy: 'run this on the master, or run `kadm init` first',
  });
});

test('kadm init refuses a PKI that is wrong, and names the file', async () => {
  const pki = '/etc/kubernetes/pki';
  await host.exec(['sh', '-c', `mkdir -p ${pki} && echo nothing > ${pki}/sa.key`]);
  await expectRefusal(host, ['kadm', 'init'], {
    exitCode: 3,
    line: `this host is not ready: ${pki}/sa.key holds no private key that could be read (PEM, without a passphrase)`,
    remedy: /remove it to have a new one made, or put the right one there \(nothing was changed; .*\)/,
  });
  await host.exec(['rm', '-r', '/etc/kubernetes']);
});
