import { expect, test } from 'vitest';
import { DryRunHost } from '../../../src/host/dry-run.ts';
import { LocalHost } from '../../../src/host/host.ts';

const PROXY = 'http://jane:s3cret@proxy.example.org:3128';
const PRIVATE = { mode: 0o600 };

test('a file that holds the password of a proxy is only named', async () => {
  const host = new DryRunHost(new LocalHost());
  await host.writeFile('/nowhere/proxy.env', `HTTPS_PROXY="${PROXY}"\n`, PRIVATE);
  expect(host.report()).toBe('create /nowhere/proxy.env (mode 600, 56 bytes, not shown: secret)');
});

test('one without is shown, also where only root reads it', async () => {
  const host = new DryRunHost(new LocalHost());
  await host.writeFile('/nowhere/etcd.yaml', 'server: https://192.0.2.1:2379\n', PRIVATE);
  expect(host.report()).toBe(
    'create /nowhere/etcd.yaml (mode 600, 31 bytes)\n  | server: https://192.0.2.1:2379',
  );
});

test('so are objects: what holds something secret is only named', () => {
  const host = new DryRunHost(new LocalHost());
  const metadata = { name: 'kube-proxy', namespace: 'kube-system' };
  host.apply([
    { kind: 'DaemonSet', metadata, spec: { env: [{ name: 'HTTPS_PROXY', value: PROXY }] } },
    { kind: 'Secret', metadata: { name: 'token' }, stringData: { some: 'thing' } },
    { kind: 'ClusterRole', metadata: { name: 'shown' } },
  ]);
  expect(host.report().split('\n')).toEqual([
    'apply DaemonSet kube-system/kube-proxy (not shown: secret)',
    'apply Secret token (not shown: secret)',
    'apply ClusterRole shown',
    '  | kind: ClusterRole',
    '  | metadata:',
    '  |   name: shown',
  ]);
});

test('only what is there would be removed', async () => {
  const host = new DryRunHost(new LocalHost());
  await host.removeFile('/nowhere/file');
  await host.removeDirectory('/nowhere');
  await host.removeTree('/nowhere');
  await host.removeFile('/etc/hostname');
  await host.removeDirectory('/etc');
  await host.removeTree('/usr');
  expect(host.lines).toEqual([
    'remove /etc/hostname',
    'remove directory /etc, if nothing is left in it',
    'remove /usr and everything below it',
  ]);
});

test('a program that would run twice is shown once; what it would read is shown, unless it is secret', async () => {
  const host = new DryRunHost(new LocalHost());
  await host.run(['umount', '/nowhere']);
  await host.run(['umount', '/nowhere']);
  await host.run(['iptables-restore'], { input: '-X KUBE-A\n' });
  await host.run(['iptables-restore'], { input: PROXY });
  expect(host.lines).toEqual([
    'run umount /nowhere',
    'run iptables-restore',
    '  | -X KUBE-A',
    'run iptables-restore (what it reads is not shown: secret)',
  ]);
});
