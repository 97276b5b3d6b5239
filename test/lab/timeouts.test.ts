import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { EXIT } from '../../src/errors.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { eventLineSchema } from '../../src/phases/events.ts';
import { removeLab } from './bare-lab.ts';
import { differences, type HostSnapshot, snapshotHost } from './host-snapshot.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { write } from './support/certificates.ts';
import { Kubectl } from './support/kubectl.ts';

/*
 * The timeouts of kubeadm's documents: what is waited for is really missing, and the wait ends when it was told to.
 * h1 is the master, h2 a worker that fails to join until nothing is wrong any more, h3 would be a second master.
 */
const LAB = 'test-timeouts';
const TOKEN = 'abcdef.0123456789abcdef';
const CERTIFICATE_KEY = '5f'.repeat(32);
const VERB_TIMEOUT_MS = 240_000;
/** How long a phase that has given up, or what it did before it waited, may take on a busy machine. */
const SLACK_S = 15;

let lab: Lab;
let [master, worker, second] = [] as LabHost[] as [LabHost, LabHost, LabHost];
let bare: HostSnapshot;
let caHash: string;

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 3);
  [master, worker, second] = lab.hosts as [LabHost, LabHost, LabHost];
  bare = await snapshotHost(second);
  const endpoint = ['--control-plane-endpoint', `${master.address}:6443`];
  const upload = ['--upload-certs', '--certificate-key', CERTIFICATE_KEY];
  const init = ['kadm', 'init', '--token', TOKEN, ...endpoint, ...upload];
  const { stdout } = await master.exec(init, { timeoutMs: VERB_TIMEOUT_MS });
  caHash = /sha256:[0-9a-f]{64}/.exec(stdout)?.[0] ?? '';
});
afterAll(() => removeLab(LAB));

type Fields = Readonly<Record<string, unknown>>;

/** The discovery field of a host that knows the token. */
function byToken(port = 6443): Fields {
  const apiServerEndpoint = `${master.address}:${port}`;
  return { bootstrapToken: { token: TOKEN, apiServerEndpoint, caCertHashes: [caHash] } };
}

interface Outcome {
  readonly exitCode: number;
  /** The phases that failed, which is one at most. */
  readonly failed: readonly { phase: string; message: string; seconds: number }[];
}

/** `kadm join --config` with these fields of a JoinConfiguration. */
async function join(host: LabHost, fields: Fields): Promise<Outcome> {
  return await run(host, ['join'], { kind: 'JoinConfiguration', ...fields });
}

/** A verb of kadm with what this machine asks of a lab host, and a document of kubeadm's. */
async function run(host: LabHost, verb: readonly string[], document: Fields): Promise<Outcome> {
  const { stdout: ofThisLab } = await host.exec(['cat', '/etc/kadm/config.yaml']);
  const asked = { apiVersion: 'kubeadm.k8s.io/v1beta4', ...document };
  await write(host, '/root/asked.yaml', `${ofThisLab}\n---\n${stringify(asked)}`);
  const argv = ['kadm', ...verb, '--config', '/root/asked.yaml', '--output', 'json'];
  const { exitCode, stdout } = await host.exec(argv, { allowFailure: true, timeoutMs: VERB_TIMEOUT_MS });
  const lines = stdout.trim().split('\n');
  const events = lines.map((line) => eventLineSchema.parse(JSON.parse(line)));
  const failed = events.flatMap((event) =>
    event.type === 'failed' && event.path.length > 0
      ? [{ phase: event.path.join('/'), message: event.message, seconds: event.ms / 1000 }]
      : [],
  );
  return { exitCode, failed };
}

interface GivenUp {
  readonly phase: string;
  readonly seconds: number;
  readonly message: RegExp;
  readonly exitCode?: number;
}

/** Expects that one phase gave up, not before its bound and not long after it. */
function expectGivenUp(outcome: Outcome, { phase, seconds, message, exitCode = EXIT.failed }: GivenUp): void {
  expect(outcome).toEqual({
    exitCode,
    failed: [{ phase, message: expect.stringMatching(message), seconds: expect.any(Number) }],
  });
  const took = outcome.failed[0]?.seconds;
  expect(took).toBeGreaterThanOrEqual(seconds);
  expect(took).toBeLessThan(seconds + SLACK_S);
}

/** A program of the master that goes on to listen, and does nothing, while `use` runs. */
async function whileFrozen<T>(program: string, use: () => Promise<T>): Promise<T> {
  // The kernel keeps 15 characters of a name.
  const signal = async (name: string): Promise<unknown> =>
    await master.exec(['pkill', '--signal', name, '--exact', program.slice(0, 15)]);
  await signal('STOP');
  try {
    return await use();
  } finally {
    await signal('CONT');
  }
}

test('discovery: a port at which nobody listens', async () => {
  expectGivenUp(await join(worker, { discovery: byToken(6444), timeouts: { discovery: '2s' } }), {
    phase: 'discovery',
    seconds: 2,
    message:
      /^no cluster was discovered within 2 s: cannot reach the API server at https:\S+:6444: connect ECONNREFUSED/,
    exitCode: EXIT.preflight,
  });
});

test('discovery: an API server that takes the connection and says nothing', async () => {
  const timeouts = { discovery: '3s' };
  const joining = await whileFrozen('kube-apiserver', () => join(worker, { discovery: byToken(), timeouts }));
  expectGivenUp(joining, {
    phase: 'discovery',
    seconds: 3,
    message:
      /^no cluster was discovered within 3 s: cannot reach the API server at https:\S+:6443: no answer within 3 s$/,
    exitCode: EXIT.preflight,
  });
});

// The system itself gives up a dead connection after 11 s, where it is asked to look after it (TCP keep-alive).
test('discovery: the same API server, and then its machine is gone', async () => {
  const cut = (verb: '-I' | '-D'): string => `iptables ${verb} INPUT -s ${master.address} -p tcp -j DROP`;
  const [joining] = await whileFrozen('kube-apiserver', () =>
    Promise.all([
      join(worker, { discovery: byToken(), timeouts: { discovery: '15s' } }),
      worker.exec(['sh', '-euc', `sleep 2; ${cut('-I')}`]),
    ]),
  );
  await worker.exec(['sh', '-euc', cut('-D')]);
  expectGivenUp(joining, {
    phase: 'discovery',
    seconds: 15,
    message: /^no cluster was discovered within 15 s: .*: no answer within 15 s$/,
    exitCode: EXIT.preflight,
  });
});

test('kubernetesAPICall: the same API server, to a host that has been told the cluster in a file', async () => {
  const info = ['get', 'configmap', 'cluster-info', '--output', 'jsonpath={.data.kubeconfig}'];
  const path = '/root/discovery.conf';
  await write(worker, path, await new Kubectl(master, 'kube-public').run(...info));
  const discovery = { file: { kubeConfigPath: path }, tlsBootstrapToken: TOKEN };
  const timeouts = { kubernetesAPICall: '2s' };
  expectGivenUp(await whileFrozen('kube-apiserver', () => join(worker, { discovery, timeouts })), {
    phase: 'discovery',
    seconds: 2,
    message: /^cannot reach the API server at https:\S+: no answer within 2 s$/,
    exitCode: EXIT.preflight,
  });
});

test('kubernetesAPICall: the same API server, to the host that it runs on', async () => {
  const timeouts = { kubernetesAPICall: '2s' };
  const phase = ['init', 'phase', 'upload-config', 'kubeadm'];
  const asking = whileFrozen('kube-apiserver', () =>
    run(master, phase, { kind: 'InitConfiguration', timeouts }),
  );
  expectGivenUp(await asking, {
    phase: 'upload-config',
    seconds: 2,
    message: /^cannot reach the API server at https:\S+: no answer within 2 s$/,
  });
});

test('an init beside an API server that says nothing tells that this is a control plane, and does not propose to remove it', async () => {
  const timeouts = { kubernetesAPICall: '2s' };
  const { failed } = await whileFrozen('kube-apiserver', () =>
    run(master, ['init'], { kind: 'InitConfiguration', timeouts }),
  );
  expect(failed).toEqual([
    {
      phase: 'preflight',
      message: expect.stringMatching(
        /^this host is already a control plane \(node h1\), and it is not healthy: GET https:\S+: no answer within 2 s; nothing was changed$/,
      ),
      seconds: expect.any(Number),
    },
  ]);
});

test('tlsBootstrap: a controller manager that signs nothing', async () => {
  const timeouts = { tlsBootstrap: '5s' };
  const joining = await whileFrozen('kube-controller-manager', () =>
    join(worker, { discovery: byToken(), timeouts }),
  );
  expectGivenUp(joining, {
    phase: 'tls-bootstrap',
    seconds: 5,
    message: /^request csr-\S+ was approved, but not signed within 5 s$/,
  });
});

test('kubeletHealthCheck: a kubelet with an argument that it does not know', async () => {
  const kubeletExtraArgs = [{ name: 'no-such-flag', value: '1' }];
  const timeouts = { kubeletHealthCheck: '4s' };
  expectGivenUp(
    await join(worker, { discovery: byToken(), nodeRegistration: { kubeletExtraArgs }, timeouts }),
    {
      phase: 'wait-node-ready',
      seconds: 4,
      message:
        /^node h2 to be Ready did not come within 4 s: it is not registered yet\nkubelet.service:\n[\s\S]*unknown flag: --no-such-flag/,
    },
  );
});

test('a worker joins as soon as nothing is wrong any more', async () => {
  expect(await join(worker, { discovery: byToken() })).toEqual({ exitCode: EXIT.done, failed: [] });
});

test('etcdAPICall: an etcd that the new member cannot reach; reset takes it out again', async () => {
  const chain = '{ type filter hook output priority 0; }';
  const drop = `ip daddr ${master.address} tcp dport 2380 drop`;
  await second.exec([
    'nft',
    `add table inet cut; add chain inet cut out ${chain}; add rule inet cut out ${drop}`,
  ]);
  const controlPlane = { certificateKey: CERTIFICATE_KEY };
  const timeouts = { etcdAPICall: '3s' };
  expectGivenUp(await join(second, { discovery: byToken(), controlPlane, timeouts }), {
    phase: 'etcd-join',
    seconds: 3,
    message: /^the member of etcd on this host did not come within 3 s: it has not started/,
  });
  await second.exec(['nft', 'delete table inet cut']);
  await second.exec(['rm', '/root/asked.yaml']);
  await second.exec(['kadm', 'reset', '--force'], { timeoutMs: VERB_TIMEOUT_MS });
  expect(differences(bare, await snapshotHost(second))).toEqual([]);
});
