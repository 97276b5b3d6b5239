import { afterAll, beforeAll, expect, test } from 'vitest';
import { initPhases } from '../../src/init/index.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { Watch } from './support/refusal.ts';
import { privateKeys, SecretWatch } from './support/secrets.ts';

/* kadm init before, beside and after itself: dry run, phases alone, an interruption, a second one, and what it keeps secret. */
const LAB = 'test-init';
const TOKEN = 'plante.q7x3w9zk2m5vt8yp';
const TOKEN_SECRET = 'q7x3w9zk2m5vt8yp';
const KUBECTL = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf', '--namespace', 'kube-system'];
const VERB_TIMEOUT_MS = 300_000;

let host: LabHost;
let bare: Watch;
let secrets: SecretWatch;

beforeAll(async () => {
  host = (await bareLabWithKadm(LAB, 1)).host('h1');
  bare = await Watch.begin(host);
});
afterAll(() => removeLab(LAB));

/** The configuration of this lab, and the token. */
const CONFIG = '/root/with-token.yaml';
const WITH_TOKEN = `---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{ token: ${TOKEN} }]
`;

async function onHost(...argv: string[]): Promise<string> {
  return (await host.exec(argv, { timeoutMs: VERB_TIMEOUT_MS })).stdout;
}

test('a dry run prints files, units, settings and objects, and changes nothing', async () => {
  const said = await onHost('kadm', 'init', '--dry-run', '--token', TOKEN);
  for (const expected of [
    /^set \/proc\/sys\/net\/ipv4\/ip_forward to 1|^create \/etc\/sysctl\.d\/90-kadm\.conf/m,
    /^install \/usr\/local\/bin\/kubelet \(mode 755, SHA-256 [0-9a-f]{64}\)/m,
    /^create \/etc\/kubernetes\/manifests\/kube-apiserver\.yaml \(mode 600, \d+ bytes\)$/m,
    /^ {2}\| +- "?--advertise-address=192\.168\.\d+\.11"?$/m,
    /^create \/etc\/systemd\/system\/kubelet\.service/m,
    /^run systemctl .*enable kubelet\.service$/m,
    /^create \/etc\/kubernetes\/pki\/ca\.key \(mode 600, \d+ bytes, not shown: secret\)$/m,
    /^apply ConfigMap kube-system\/kubeadm-config$/m,
    /^ {2}\| kind: DaemonSet$/m,
    /^apply Secret kube-system\/bootstrap-token-plante \(not shown: secret\)$/m,
  ]) {
    expect(said).toMatch(expected);
  }
  expect(said).not.toContain(TOKEN_SECRET);
  expect(said).not.toContain('PRIVATE KEY');
  expect(await bare.changes()).toEqual([]);
  const append = `umask 077; cat /etc/kadm/config.yaml - >${CONFIG}`;
  await host.exec(['sh', '-c', append], { input: WITH_TOKEN });
  secrets = await SecretWatch.begin(host);
});

test('a core file holds nothing of what was in the memory', async () => {
  const script = `
    mkdir -p /tmp/core && cd /tmp/core && ulimit -c unlimited
    kadm init --config ${CONFIG} >/tmp/out 2>&1 & pid=$!
    until grep -q 'certs' /tmp/out; do sleep 0.05; done
    cat /proc/$pid/coredump_filter
    kill -ABRT $pid; wait $pid; du --summarize --block-size=1K /tmp/core`;
  const { stdout } = await host.exec(['bash', '-c', script], { allowFailure: true });
  const [filter, size = ''] = stdout.trim().split('\n');
  expect(filter).toMatch(/^0+$/);
  // kadm's memory is more than 50 MiB.
  expect(Number.parseInt(size, 10)).toBeLessThan(2_000);
});

test('SIGINT stops between steps, says where, and the same command goes on', async () => {
  const script = `
    kadm init --config ${CONFIG} >/tmp/out 2>&1 & pid=$!
    until grep -q 'kubelet-start' /tmp/out; do sleep 0.05; done
    kill -INT $pid; wait $pid; code=$?; cat /tmp/out; exit $code`;
  const { exitCode, stdout } = await host.exec(['bash', '-c', script], { allowFailure: true });
  expect(exitCode).toBe(130);
  expect(stdout).toMatch(/^kadm: interrupted at phase [a-z-]+$/m);
  expect(stdout).toContain('the same command again goes on from here');
});

test('of two at once the second says who holds the lock; the first ends well', async () => {
  const script = `
    kadm init --config ${CONFIG} --skip-token-print --output json >/tmp/events 2>&1 & first=$!
    until grep -q 'pid' /run/lock/kadm.lock 2>/dev/null; do sleep 0.02; done
    kadm init >/tmp/second 2>&1; second=$?
    wait $first; echo "$? $second"; cat /tmp/second`;
  const { stdout } = await host.exec(['bash', '-c', script], { timeoutMs: VERB_TIMEOUT_MS });
  const [codes, ...second] = stdout.trim().split('\n');
  expect(codes).toBe('0 3');
  expect(second.join('\n')).toMatch(/^kadm: another kadm changes this host: kadm init \(pid \d+\), since /);
});

test('a second init of a healthy master changes nothing and says so', async () => {
  await onHost(...KUBECTL, 'wait', '--for=condition=Ready', 'node', '--all', '--timeout=60s');
  await onHost(...KUBECTL, 'wait', '--for=condition=Ready', 'pod', '--all', '--timeout=120s');
  const running = await Watch.begin(host);
  const again = await host.exec(['kadm', 'init'], { allowFailure: true });
  expect(again.exitCode).toBe(3);
  expect(again.stderr).toContain(
    'this host is already a control plane (node h1), and it is healthy; nothing was changed',
  );
  expect(await running.changes('running')).toEqual([]);
});

test('a dry run on a master shows what would be different', async () => {
  const said = await onHost(
    'bash',
    '-c',
    `
    cat >/tmp/more.yaml <<'EOF'
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer: { extraArgs: [{ name: v, value: "3" }] }
EOF
    kadm init phase control-plane apiserver --dry-run --config /tmp/more.yaml`,
  );
  expect(said).toMatch(
    /^replace \/etc\/kubernetes\/manifests\/kube-apiserver\.yaml \(mode 600, \d+ bytes\)$/m,
  );
  expect(said).toMatch(/^ {2}\| \+ +- "?--v=3"?$/m);
  expect(said).not.toContain('kube-scheduler');
});

test('phases are listed, and one runs alone', async () => {
  const listed = await onHost('kadm', 'init', 'phase');
  for (const { id, title } of initPhases) expect(listed).toMatch(new RegExp(`^${id} +${title}$`, 'm'));
  await onHost('rm', '/etc/kubernetes/manifests/kube-scheduler.yaml');
  await onHost('kadm', 'init', 'phase', 'control-plane', 'scheduler');
  expect(await onHost('ls', '/etc/kubernetes/manifests')).toContain('kube-scheduler.yaml');
});

test('token and keys are in no log, event, ledger, argument list, environment or core file', async () => {
  expect(await onHost('cat', '/tmp/events')).toContain('"type":"result"');
  expect(await secrets.saw('--skip-token-print')).toBe(true);
  expect(await secrets.foundIn([TOKEN_SECRET], new RegExp(`^${CONFIG}$`))).toEqual([]);
  const keys = await privateKeys(host);
  expect(keys.length).toBeGreaterThan(10);
  const theirFiles =
    /^\/(etc\/kubernetes\/(pki\/|[a-z-]+\.conf$)|root\/\.kube\/config$|var\/lib\/kadm\/agent\/client\.pem$)/;
  expect(await secrets.foundIn(keys, theirFiles)).toEqual([]);
  // What cannot be found proves nothing.
  expect(await secrets.foundIn([TOKEN_SECRET], /^$/)).toEqual([CONFIG]);
  expect(await onHost('systemctl', 'show', '--property=LimitCORE', 'kadm-agent')).toBe('LimitCORE=0\n');
});
