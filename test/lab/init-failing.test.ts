import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { atOtherTime } from './support/other-time.ts';

/* What kadm init says when a component cannot start: within its bound, with the likely cause, and the end of a log. */
const LAB = 'test-failing-init';
const VERB_TIMEOUT_MS = 120_000;
/** Long enough for each of them to have said what it has to say. */
const BOUND_S = 16;

let host: LabHost;

beforeAll(async () => {
  host = (await bareLabWithKadm(LAB, 1)).host('h1');
});
afterAll(() => removeLab(LAB));
afterEach(async () => {
  await host.exec(['kadm', 'reset', '--force'], { timeoutMs: VERB_TIMEOUT_MS });
});

const IN_TIME = `
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
timeouts: { controlPlaneComponentHealthCheck: ${BOUND_S}s }
`;

/** What a failing init says on standard error, without the progress of its phases. */
async function sayingOf(
  configuration: readonly string[],
  { flags = [], before = [] }: { flags?: readonly string[]; before?: readonly string[] } = {},
): Promise<string> {
  const { stdout: ofThisLab } = await host.exec(['cat', '/etc/kadm/config.yaml']);
  const result = await host.exec([...before, 'kadm', 'init', '--config', '-', ...flags], {
    input: [ofThisLab, IN_TIME, ...configuration].join('\n---\n'),
    allowFailure: true,
    timeoutMs: VERB_TIMEOUT_MS,
  });
  expect(result).toMatchObject({ exitCode: 1 });
  return result.stderr
    .split('\n')
    .filter((line) => !line.startsWith('['))
    .join('\n');
}

const BOUND = `did not come within ${BOUND_S} s`;

test('an argument that the API server does not know', async () => {
  const said = await sayingOf([
    `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer: { extraArgs: [{ name: no-such-flag, value: "1" }] }
`,
  ]);
  expect(said).toContain(BOUND);
  expect(said).toContain(
    'likely cause (kube-apiserver): it knows no argument --no-such-flag: mend its extraArgs',
  );
  expect(said).toContain('the last lines of kube-apiserver:');
});

test('a port that is taken after the checks', async () => {
  const listen = 'my $port = IO::Socket::INET->new(LocalPort => 6443, Listen => 5) or die; sleep 600';
  await host.exec(['systemd-run', '--quiet', '--unit', 'taken', 'perl', '-MIO::Socket::INET', '-e', listen]);
  try {
    const said = await sayingOf([], { flags: ['--ignore-preflight-errors', 'Port-6443'] });
    expect(said).toContain('likely cause (kube-apiserver): port 6443 is taken by another program');
  } finally {
    await host.exec(['systemctl', 'stop', 'taken']);
  }
});

test('an etcd whose disk is full', async () => {
  await host.exec(['mkdir', '-p', '/srv/small']);
  await host.exec(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'small', '/srv/small']);
  try {
    const said = await sayingOf([
      `
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
etcd: { local: { dataDir: /srv/small/etcd } }
`,
    ]);
    expect(said).toContain(BOUND);
    expect(said).toContain('likely cause (etcd): a disk is full');
  } finally {
    await host.exec(['kadm', 'reset', '--force'], { timeoutMs: VERB_TIMEOUT_MS });
    await host.exec(['umount', '/srv/small']);
  }
});

test('a clock that was a day ahead while the certificates were made', async () => {
  const said = await sayingOf([], { before: atOtherTime('+1d') });
  expect(said).toContain(BOUND);
  expect(said).toMatch(
    /likely cause \([a-z-]+\): a certificate is not valid before \S+, and the clock of this host says/,
  );
  const again = await host.exec(['kadm', 'init'], { allowFailure: true, timeoutMs: VERB_TIMEOUT_MS });
  expect(again).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('is not valid before') });
  expect(again.stderr).toContain('check the clock of this host');
});

test('a containerd whose cgroup driver was changed while the kubelet ran', async () => {
  const driver = (from: boolean, to: boolean): string =>
    `sed -i 's/SystemdCgroup = ${from}/SystemdCgroup = ${to}/' /etc/containerd/config.toml && systemctl restart containerd`;
  for (const phase of ['prepare-host', 'components', 'certs', 'kubeconfig', 'container-runtime'])
    await host.exec(['kadm', 'init', 'phase', phase]);
  await host.exec(['sh', '-c', driver(true, false)]);
  await host.exec(['kadm', 'init', 'phase', 'kubelet-start']);
  // One that still starts would end without containerd, and ask again when it is started anew.
  const asked = `
    runs() { journalctl _SYSTEMD_INVOCATION_ID=$(systemctl show --property InvocationID --value kubelet) | grep -q "$1"; }
    until runs 'received from the CRI runtime.*cgroupDriver="cgroupfs"' && runs 'Starting kubelet main sync loop'; do
      sleep 0.1
    done`;
  await host.exec(['timeout', '60', 'sh', '-c', asked], { timeoutMs: VERB_TIMEOUT_MS });
  await host.exec(['sh', '-c', driver(false, true)]);
  const ignored = ['--ignore-preflight-errors', 'all', '--skip-phases', 'container-runtime'];
  const said = await sayingOf([], { flags: ignored });
  expect(said).toContain(BOUND);
  expect(said).toContain(
    'likely cause (kubelet): containerd has another cgroup driver than the kubelet found',
  );
});

test('images that cannot be had', async () => {
  const said = await sayingOf([], { flags: ['--skip-phases', 'images,other-images'] });
  expect(said).toContain(BOUND);
  expect(said).toMatch(/likely cause \(kubelet\): the image \S+ cannot be had/);
});

test('images that are not to be pulled, and are not there', async () => {
  const never = `
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
nodeRegistration: { imagePullPolicy: Never }
`;
  const { stdout: ofThisLab } = await host.exec(['cat', '/etc/kadm/config.yaml']);
  const { exitCode, stderr } = await host.exec(['kadm', 'init', '--config', '-'], {
    input: `${ofThisLab}\n---${never}`,
    allowFailure: true,
    timeoutMs: VERB_TIMEOUT_MS,
  });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/imagePullPolicy is Never, and the runtime has no registry\.k8s\.io\/\S+/);
});

test('a containerd without its CRI', async () => {
  await host.exec(['kadm', 'init', 'phase', 'components']);
  await host.exec(['kadm', 'init', 'phase', 'container-runtime']);
  const disabled = 'disabled_plugins = ["io.containerd.grpc.v1.cri"]';
  await host.exec(['sed', '-i', `1i ${disabled}`, '/etc/containerd/config.toml']);
  await host.exec(['systemctl', 'restart', 'containerd']);
  const said = await sayingOf([], { flags: ['--skip-phases', 'container-runtime'] });
  expect(said).toContain(BOUND);
  expect(said).toContain('likely cause (kubelet): containerd runs without its CRI');
});
