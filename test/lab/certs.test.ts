import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { buildComponents } from '../../src/components/build/build.ts';
import { cacheDirectory } from '../../src/components/cache.ts';
import { DEFAULT_KUBERNETES_VERSION, releaseFor } from '../../src/components/catalog.ts';
import { ComponentStore } from '../../src/components/store.ts';
import type { RunResult } from '../../src/host/command.ts';
import { KubeClient } from '../../src/kube/client.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { rootfsPath } from '../../src/lab/rootfs.ts';
import { credentialsFrom } from '../../src/pki/kubeconfig.ts';
import { BenchHost } from '../bench/bench-lab.ts';
import { installKubeadm } from '../bench/kubeadm.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import {
  apiGaps,
  checkExpiration,
  ExternalAuthority,
  expireAll,
  read,
  resultOf,
  serials,
  starts,
  write,
} from './support/certificates.ts';
import { isAnswered, isSigned } from './support/join-tokens.ts';

/*
 * Certificates and tokens of a control plane: what kadm and the real kubeadm say of them, what happens when they are
 * renewed, are revoked, expire, or come from an authority that is elsewhere. h2 has such a one, h1 kadm's own.
 */
const LAB = 'test-certs';
const PKI = '/etc/kubernetes/pki';
const RUN_TIMEOUT_MS = 240_000;

let lab: Lab;
let master: LabHost;
let api: KubeClient;

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 2);
  master = lab.host('h1');
});
afterAll(async () => {
  api?.close();
  await removeLab(LAB);
});

async function kadm(host: LabHost, ...argv: string[]): Promise<string> {
  return (await host.exec(['kadm', ...argv], { timeoutMs: RUN_TIMEOUT_MS })).stdout;
}

async function attempt(host: LabHost, ...argv: string[]): Promise<RunResult> {
  return await host.exec(argv, { timeoutMs: RUN_TIMEOUT_MS, allowFailure: true });
}

/** The real kubeadm of the same version, on a host that is a master already. */
async function addKubeadm(host: LabHost): Promise<void> {
  const signal = AbortSignal.timeout(600_000);
  const store = `${cacheDirectory()}/store`;
  await buildComponents({
    release: releaseFor(DEFAULT_KUBERNETES_VERSION),
    names: ['kubeadm'],
    store: new ComponentStore(store),
    cacheDirectory: cacheDirectory(),
    rootfs: rootfsPath(cacheDirectory()),
    onProgress: () => {},
    signal,
  });
  await installKubeadm(new BenchHost(host, signal), store);
}

describe('with an authority that is elsewhere', () => {
  const authorities = { ca: 'kubernetes', 'front-proxy-ca': 'front-proxy-ca', 'etcd/ca': 'etcd-ca' } as const;
  const signers = new Map<string, ExternalAuthority>();
  let host: LabHost;

  beforeAll(async () => {
    host = lab.host('h2');
    for (const [id, name] of Object.entries(authorities))
      signers.set(id, await ExternalAuthority.create(name));
    await host.exec(['mkdir', '--parents', `${PKI}/etcd`]);
    for (const [id, signer] of signers) await write(host, `${PKI}/${id}.crt`, await signer.certificate());
  });
  afterAll(async () => {
    for (const signer of signers.values()) await signer.remove();
    await host.kill();
  });

  test('init names all that is to be signed, and changes nothing', async () => {
    const { exitCode, stderr } = await attempt(host, 'kadm', 'init');
    expect(exitCode).toBe(3);
    expect(stderr).toContain(`${PKI}/ca.key, ${PKI}/front-proxy-ca.key, ${PKI}/etcd/ca.key not there`);
    for (const path of [`${PKI}/apiserver.crt`, `${PKI}/etcd/peer.crt`, '/etc/kubernetes/kubelet.conf.crt']) {
      expect(stderr).toContain(`\n  ${path}\n`);
    }
    expect(stderr).toContain('kadm certs generate-csr');
    expect((await attempt(host, 'test', '-e', '/var/lib/kadm/ledger')).exitCode).toBe(1);
  });

  test('init uses what that authority signed from the requests of generate-csr', async () => {
    const requests = (await kadm(host, 'certs', 'generate-csr'))
      .split('\n')
      .filter((line) => line.endsWith('.csr'));
    expect(requests.filter((path) => path.startsWith('/'))).toHaveLength(13);
    for (const path of requests) {
      const id = path.includes('etcd') ? 'etcd/ca' : path.includes('front-proxy') ? 'front-proxy-ca' : 'ca';
      const certificate = await signers.get(id)?.sign(await read(host, path));
      await write(host, path.replace(/csr$/, 'crt'), certificate ?? '');
    }
    await kadm(host, 'init');
    const conditions = ['wait', 'node', '--all', '--for=condition=Ready', '--timeout=120s'];
    await host.exec(['kubectl', ...conditions], { timeoutMs: RUN_TIMEOUT_MS });
    const { certificates, certificateAuthorities } = await checkExpiration(host, 'kadm');
    const all = [...certificates, ...certificateAuthorities];
    expect(all.filter((one) => one.missing || !one.externallyManaged)).toEqual([]);
    expect((await host.exec(['sh', '-c', `find ${PKI} -name 'ca.key'`])).stdout).toBe('');
  });

  test('renew says whose the key is', async () => {
    const { exitCode, stderr } = await attempt(host, 'kadm', 'certs', 'renew', 'apiserver');
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`apiserver cannot be renewed here: ${PKI}/ca.key is not on this host`);
  });
});

describe('a control plane of kadm’s', () => {
  beforeAll(async () => {
    await kadm(master, 'init');
    await addKubeadm(master);
    api = new KubeClient(credentialsFrom(await read(master, '/etc/kubernetes/super-admin.conf')));
  });

  test('kubeadm sees the same certificates as kadm, and misses none', async () => {
    await agreeWithKubeadm();
  });

  describe('tokens', () => {
    const secretOf = async (token: string): Promise<unknown> => {
      const id = token.slice(0, 6);
      const { metadata: _, ...secret } = await api.get<
        Record<string, unknown> & { data: Record<string, string> }
      >(`/api/v1/namespaces/kube-system/secrets/bootstrap-token-${id}`);
      return { ...secret, data: { ...secret.data, 'token-id': '', 'token-secret': '', expiration: '' } };
    };
    const flags = ['--ttl', '2h', '--description', 'rack 7', '--groups', 'system:bootstrappers:rack-7'];

    test('of kadm are Secrets as those of kubeadm, and each lists the other’s', async () => {
      const own = (await kadm(master, 'token', 'create', ...flags)).trim();
      const theirs = (await master.exec(['kubeadm', 'token', 'create', ...flags])).stdout.trim();
      expect(await secretOf(own)).toEqual(await secretOf(theirs));
      const list = (await master.exec(['kubeadm', 'token', 'list'])).stdout;
      expect(list).toMatch(
        new RegExp(`^${own} +1h .*authentication,signing +rack 7 +system:bootstrappers:rack-7$`, 'm'),
      );
      const row = `^${theirs.slice(0, 6)} .*authentication,signing +rack 7 +system:bootstrappers:rack-7$`;
      expect(await kadm(master, 'token', 'list')).toMatch(new RegExp(row, 'm'));
      await kadm(master, 'token', 'delete', own, theirs.slice(0, 6));
      expect((await master.exec(['kubeadm', 'token', 'list'])).stdout).not.toContain('rack 7');
    });

    test('that are there already are refused', async () => {
      const events = await kadm(master, 'token', 'create', '--ttl', '5m', '--output', 'json');
      const { token } = (resultOf(events) as { joinCommand: { token: string } }).joinCommand;
      const { exitCode, stderr } = await attempt(master, 'kadm', 'token', 'create', token);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining('there is a token already')]);
      expect(stderr).not.toContain(token.slice(7));
    });

    test('that were used a moment ago are refused by the time that `kadm token delete` ends', async () => {
      const token = (await kadm(master, 'token', 'create')).trim();
      expect(await isAnswered(master, token)).toBe(true);
      const { stderr } = await attempt(master, 'kadm', 'token', 'delete', token);
      expect(await isAnswered(master, token)).toBe(false);
      expect(stderr).toContain('waiting until it is refused');
      expect(stderr).not.toContain(token.slice(7));
    });

    // The API server remembers for 10 s that a token was right, so these were not used before.
    test.each(['kadm', 'kubectl'] as const)('that are revoked with %s are refused at once', async (tool) => {
      const token = (await kadm(master, 'token', 'create')).trim();
      expect(await isSigned(master, token)).toBe(true);
      const secret = [
        '--namespace',
        'kube-system',
        'delete',
        'secret',
        `bootstrap-token-${token.slice(0, 6)}`,
      ];
      await master.exec(tool === 'kadm' ? ['kadm', 'token', 'delete', token] : ['kubectl', ...secret]);
      expect(await isAnswered(master, token)).toBe(false);
      await expect.poll(() => isSigned(master, token), { timeout: 2_000, interval: 20 }).toBe(false);
    });

    test('that expire are refused from that second on, and in 10 s when they were used before', async () => {
      const create = async (): Promise<string> =>
        (await kadm(master, 'token', 'create', '--ttl', '6s')).trim();
      const [used, unused] = [await create(), await create()];
      expect(await isAnswered(master, used)).toBe(true);
      const usedAt = Date.now();
      await sleep((await endOf(unused)) - Date.now());
      expect(await isAnswered(master, unused)).toBe(false);
      await expect.poll(() => isSigned(master, unused), { timeout: 2_000, interval: 20 }).toBe(false);
      const left = usedAt + 10_500 - Date.now();
      await expect.poll(() => isAnswered(master, used), { timeout: left, interval: 100 }).toBe(false);
      expect(await kadm(master, 'token', 'list')).not.toContain(unused.slice(0, 6));
    });

    /** Milliseconds of the clock, when the cluster says that a token ends. */
    const endOf = async (token: string): Promise<number> => {
      const path = `/api/v1/namespaces/kube-system/secrets/bootstrap-token-${token.slice(0, 6)}`;
      const { data } = await api.get<{ data: { expiration: string } }>(path);
      return Date.parse(Buffer.from(data.expiration, 'base64').toString());
    };
  });

  test('kadm kubeconfig user makes somebody of that name, in those groups, with no rights yet', async () => {
    const text = await kadm(
      master,
      'kubeconfig',
      'user',
      '--client-name',
      'jane',
      '--org',
      'one,two',
      '--validity-period',
      '1h',
    );
    await write(master, '/root/jane.conf', text);
    const as = ['--kubeconfig', '/root/jane.conf'];
    const { stdout } = await master.exec(['kubectl', ...as, 'auth', 'whoami', '--output', 'yaml']);
    expect(parse(stdout)).toMatchObject({
      status: { userInfo: { username: 'jane', groups: ['one', 'two', 'system:authenticated'] } },
    });
    expect((await attempt(master, 'kubectl', ...as, 'get', 'nodes')).stderr).toContain('"jane" cannot list');
  });

  describe('a renewal', () => {
    test('of all starts the four components anew, one at a time, and nothing else', async () => {
      const before = await starts(master);
      const old = await serials(master);
      await write(master, '/root/rsa.yaml', RSA_FOR_TWO_DAYS);
      let output = '';
      const gaps = await apiGaps(master, async () => {
        output = await kadm(
          master,
          'certs',
          'renew',
          'all',
          '--output',
          'json',
          '--config',
          '/root/rsa.yaml',
        );
      });
      const took = finished(output);
      process.stdout.write(`API gaps: ${gaps.join(', ')} ms; phases: ${JSON.stringify(took)} ms\n`);
      // etcd's start and the API server's own: no more than two, and none longer than that one component took.
      expect(gaps.length).toBeLessThanOrEqual(2);
      expect(Math.max(...gaps)).toBeLessThanOrEqual(Math.max(took.etcd ?? 0, took['kube-apiserver'] ?? 0));
      const { coredns = 0, 'kube-proxy': proxy = 0, etcd = 0, 'kube-apiserver': server = 0 } = before;
      const once = { coredns, 'kube-proxy': proxy, etcd: etcd + 1, 'kube-apiserver': server + 1 };
      await expect.poll(() => starts(master), { timeout: 30_000 }).toMatchObject(once);
      const now = await serials(master);
      expect(Object.keys(now).filter((path) => now[path] === old[path])).toEqual([]);
      expect(await read(master, '/root/.kube/config')).toBe(await read(master, '/etc/kubernetes/admin.conf'));
      const { stdout } = await master.exec([
        'openssl',
        'x509',
        '-in',
        `${PKI}/apiserver.crt`,
        '-noout',
        '-text',
      ]);
      expect(stdout).toContain('Public-Key: (2048 bit)');
      const { certificates } = await checkExpiration(master, 'kadm');
      const renewed = certificates.filter(
        ({ expirationDate }) => Date.parse(expirationDate) < Date.now() + TWO_DAYS_MS,
      );
      expect(renewed).toHaveLength(Object.keys(now).length);
      await healthy();
      await agreeWithKubeadm();
    });

    test('that a component does not survive puts the old files back', async () => {
      const path = '/etc/kubernetes/scheduler.conf';
      const before = await read(master, path);
      // Takes the scheduler's port as soon as it ends, and keeps it for a while.
      const thief =
        'until timeout 21 socat TCP-LISTEN:10259,bind=127.0.0.1,reuseaddr,fork /dev/null; [ $? = 124 ]; do sleep 0.05; done';
      await master.exec(['systemd-run', '--quiet', '--collect', 'bash', '-c', thief]);
      const { exitCode, stderr } = await attempt(
        master,
        'kadm',
        'certs',
        'renew',
        'scheduler.conf',
        '--timeout',
        '20s',
      );
      expect(stderr).toMatch(
        /kube-scheduler did not get healthy with its new certificates; it is healthy with the old ones/,
      );
      expect(stderr).toContain('address already in use');
      expect(exitCode).toBe(1);
      expect(await read(master, path)).toBe(before);
      await healthy();
    });

    test('that was killed is made good by the next one', async () => {
      await master.exec(['bash', '-c', KILLED_RENEWAL], { allowFailure: true });
      const old = (await serials(master))[`${PKI}/apiserver.crt`];
      const { exitCode, stderr } = await attempt(master, 'kadm', 'certs', 'renew', 'admin.conf');
      expect(stderr).toContain('an earlier renewal was cut short: apiserver will be renewed again');
      expect(exitCode).toBe(0);
      expect((await serials(master))[`${PKI}/apiserver.crt`]).not.toBe(old);
      expect((await attempt(master, 'test', '-e', '/var/lib/kadm/renewal.json')).exitCode).toBe(1);
      await healthy();
    });

    test('brings a control plane back all of whose certificates have expired', async () => {
      await expireAll(master);
      expect(await kadm(master, 'certs', 'check-expiration')).toMatch(/^apiserver .* expired /m);
      expect((await attempt(master, 'kubectl', 'get', 'nodes')).stderr).not.toBe('');
      await kadm(master, 'certs', 'renew', 'all');
      await healthy();
      const { certificates } = await checkExpiration(master, 'kadm');
      expect(certificates.filter(({ expirationDate }) => Date.parse(expirationDate) < Date.now())).toEqual(
        [],
      );
    });
  });
});

/** Killed while the API server is on its way down. */
const KILLED_RENEWAL = `kadm certs renew apiserver & pid=$!
until [ -e /var/lib/kadm/renewal.json ]; do sleep 0.05; done
sleep 0.5
kill -KILL $pid`;

const TWO_DAYS_MS = 2 * 86_400_000;
const RSA_FOR_TWO_DAYS = `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
encryptionAlgorithm: RSA-2048
certificateValidityPeriod: 48h
`;

async function agreeWithKubeadm(): Promise<void> {
  const [own, theirs] = [await checkExpiration(master, 'kadm'), await checkExpiration(master, 'kubeadm')];
  const known = new Set(theirs.certificates.map(({ name }) => name));
  expect(theirs.certificates).toHaveLength(11);
  expect(own.certificates.filter(({ name }) => known.has(name))).toEqual(theirs.certificates);
  const byName = ({ certificateAuthorities }: typeof own): object =>
    Object.fromEntries(certificateAuthorities.map((one) => [one.name, one]));
  expect(byName(own)).toEqual(byName(theirs));
}

/** Milliseconds that each phase took, of a run's events. */
function finished(output: string): Record<string, number> {
  const events = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; path: string[]; ms?: number });
  return Object.fromEntries(
    events.flatMap(({ type, path, ms }) => (type === 'finished' ? [[path.join('/'), ms ?? 0]] : [])),
  );
}

/** A Deployment rolls out: API server, etcd, both controllers and the kubelet do their work. */
async function healthy(): Promise<void> {
  const dns = ['--namespace', 'kube-system', 'deployment/coredns'];
  const kubectl = async (...argv: string[]): Promise<unknown> =>
    await master.exec(['kubectl', ...argv], { timeoutMs: RUN_TIMEOUT_MS });
  await kubectl('rollout', 'restart', ...dns);
  await kubectl('rollout', 'status', ...dns, '--timeout=120s');
}
