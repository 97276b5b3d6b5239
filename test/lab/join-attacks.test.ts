import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sha256File } from '../../src/host/large-file.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { KADM_PATH } from '../../src/node/components.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { atOtherTime } from './support/other-time.ts';
import { expectRefusal, type Refusal, Watch } from './support/refusal.ts';
import { whileTampering } from './support/tampering-proxy.ts';

/*
 * Those who attack a join: h1 has cluster A, h2 has cluster B and stands in between, h3 is to become a worker
 * of A, and later a host that means harm itself.
 */
const LAB = 'test-attacks';
const TOKEN = 'abcdef.0123456789abcdef';
const OTHER = 'fedcba.fedcba9876543210';

let lab: Lab;
let [a, b, worker] = [] as LabHost[] as [LabHost, LabHost, LabHost];

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 3);
  [a, b, worker] = lab.hosts as [LabHost, LabHost, LabHost];
});
afterAll(() => removeLab(LAB));

describe('a worker of cluster A', () => {
  const hashes = new Map<LabHost, string>();
  let before: Watch;

  beforeAll(async () => {
    const inits = [a, b].map(async (host, index) => {
      const argv = ['kadm', 'init', '--token', index === 0 ? TOKEN : OTHER];
      const { stdout } = await host.exec(argv, { timeoutMs: 300_000 });
      hashes.set(host, /sha256:[0-9a-f]{64}/.exec(stdout)?.[0] ?? '');
    });
    await Promise.all(inits);
    before = await Watch.begin(worker);
  });
  afterEach(async () => {
    // The rule that redirects counts what it redirects.
    expect((await before.changes()).filter((line) => !line.includes('dnat to'))).toEqual([]);
  });

  async function refused(
    at: LabHost,
    token: string,
    trust: readonly string[],
    refusal: Refusal,
  ): Promise<void> {
    await expectRefusal(worker, ['kadm', 'join', `${at.address}:6443`, '--token', token, ...trust], refusal);
  }

  const pinned = (host: LabHost): string[] => ['--discovery-token-ca-cert-hash', hashes.get(host) ?? ''];
  const unpinned = ['--discovery-token-unsafe-skip-ca-verification'];
  const unknown = /the cluster does not know the join token \w{6}\.…: it is wrong or has expired/;
  const another = /the cluster's CA has the hash sha256:[0-9a-f]{64}, which is not the one that was given/;

  test('does not join cluster B with the token of A', async () => {
    await refused(b, TOKEN, pinned(b), { exitCode: 3, line: unknown, remedy: /.+/ });
  });

  test.each([
    ['+1d', /this host is not ready: the clock is 24 hours ahead of that of the API server/],
    ['-1d', /this host is not ready: the clock says \S+, but \S+ is of \S+/],
  ])('does not join with a clock that is off by %s', async (offset, line) => {
    const join = ['kadm', 'join', `${a.address}:6443`, '--token', TOKEN, ...pinned(a)];
    const remedy =
      /let chrony or systemd-timesyncd set it.* \(nothing was changed; --ignore-preflight-errors=Clock .*/;
    await expectRefusal(worker, [...atOtherTime(offset), ...join], { exitCode: 3, line, remedy });
  });

  test('does not join with a token that was revoked', async () => {
    await a.exec(['kadm', 'token', 'create', 'aaaaaa.aaaaaaaaaaaaaaaa']);
    await a.exec(['kadm', 'token', 'delete', 'aaaaaa']);
    const gone = /the cluster does not (know|accept) the join token.*/;
    await refused(a, 'aaaaaa.aaaaaaaaaaaaaaaa', pinned(a), { exitCode: 3, line: gone, remedy: /.+/ });
  });

  describe('with B in between, which answers in the place of A', () => {
    const redirect = (verb: string): string[] =>
      ['iptables', '-t', 'nat', verb, 'OUTPUT', '-p', 'tcp', '-d', a.address, '--dport', '6443'].concat(
        ...['-j', 'DNAT', '--to-destination', `${b.address}:6443`],
      );
    beforeAll(async () => {
      await worker.exec(redirect('-A'));
      before = await Watch.begin(worker);
    });
    afterAll(() => worker.exec(redirect('-D')));

    test('does not join, because B cannot sign with a token that it does not know', async () => {
      await refused(a, TOKEN, pinned(a), { exitCode: 3, line: unknown, remedy: /.+/ });
      await refused(a, TOKEN, unpinned, { exitCode: 3, line: unknown, remedy: /.+/ });
    });

    test('does not join when B has learnt the token, because of the hash', async () => {
      await b.exec(['kadm', 'token', 'create', TOKEN]);
      await refused(a, TOKEN, pinned(a), { exitCode: 3, line: another, remedy: /.+/ });
    });
  });
});

describe('somebody on the way who changes a byte of what a worker of A fetches', () => {
  afterEach(() => worker.exec(['kadm', 'reset', '--force'], { timeoutMs: 120_000 }));

  test.each([
    ['a program', '^/sha256/', /has SHA-256 [0-9a-f]{64}, but [0-9a-f]{64} was promised/],
    [
      'an image',
      '/blobs/sha256:',
      /unexpected commit digest sha256:[0-9a-f]{64}, expected sha256:[0-9a-f]{64}/,
    ],
  ])('gives it no other one: %s', async (_, path, refusal) => {
    const join = ['kadm', 'join', '--ssh', 'root@h3'];
    const options = { allowFailure: true, timeoutMs: 240_000 };
    const { exitCode, stderr } = await whileTampering({ host: worker, server: a }, path, () =>
      a.exec(join, options),
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringMatching(refusal) });
  });
});

describe('a host that means harm', () => {
  /** What the SSH server of h3 on port 2222 says whatever is asked of it, and how kadm on h1 takes it. */
  async function meets(harm: string): Promise<{ exitCode: number; said: string; peakMiB: number }> {
    const digest = await sha256File(`${a.rootfs}${KADM_PATH}`);
    const script = `#!/bin/sh
case $SSH_ORIGINAL_COMMAND in
  *kadm\\ reset*) ${harm} ;;
  *) echo "kadm-hostname h3"; echo "${digest}  ${KADM_PATH}" ;;
esac
`;
    await worker.exec(['install', '-m', '755', '/dev/stdin', '/usr/local/bin/harm'], { input: script });
    const server = [
      '-o',
      'Port=2222',
      '-o',
      'PidFile=/run/harm.pid',
      '-o',
      'ForceCommand=/usr/local/bin/harm',
    ];
    await worker.exec(['/usr/sbin/sshd', ...server]);
    const run = `kadm reset --force --accept-new-host-keys --ssh root@h3:2222 >/root/said 2>&1 & p=$!
      peak=0; while [ -e /proc/$p/exe ]; do now=$(awk '/VmHWM/ {print $2}' /proc/$p/status); peak=\${now:-$peak}; sleep 0.1; done
      code=0; wait $p || code=$?; echo "$code $peak"`;
    try {
      const { stdout } = await a.exec(['sh', '-c', run], { timeoutMs: 90_000 });
      const [code, peak] = stdout.trim().split(' ').map(Number);
      const { stdout: said } = await a.exec(['cat', '/root/said']);
      return { exitCode: code ?? -1, said, peakMiB: (peak ?? 0) / 1024 };
    } finally {
      await worker.exec(['sh', '-c', 'kill $(cat /run/harm.pid)']);
    }
  }

  test.each([
    ['a line without an end', 'tr "\\\\0" x </dev/zero', 'a line that never ends'],
    ['lines without an end', 'yes', 'does not stop talking'],
    ['errors without an end', 'yes >&2', 'does not stop talking'],
  ])('sends %s: that is refused, and fills no memory', async (_, harm, refusal) => {
    const { exitCode, said, peakMiB } = await meets(harm);
    expect({ exitCode, said }).toEqual({ exitCode: 1, said: expect.stringContaining(refusal) });
    expect(peakMiB).toBeLessThan(250);
    expect(said.length).toBeLessThan(20_000);
  });

  test('sends control characters and escape sequences: none of them reaches the terminal', async () => {
    const evil = String.raw`\\u001b]0;owned\\u0007\\u001b[2J\\u001b[31mred\\u009b1m`;
    const events = [
      `{"type":"plan","path":[],"steps":[{"id":"x","title":"${evil}"}]}`,
      `{"type":"started","path":["x"]}`,
      `{"type":"progress","path":["x"],"message":"${evil}"}`,
      `{"type":"warning","path":["${evil}"],"message":"${evil}"}`,
      `{"type":"failed","path":[],"ms":1,"message":"${evil}","remedy":"${evil}"}`,
    ].join('\\n');
    const { exitCode, said } = await meets(`printf '${events}\\n'; exit 1`);
    expect(exitCode).toBe(1);
    expect(said).toContain('red');
    expect(said.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });
});
