import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { expectRefusal, type Refusal, Watch } from './support/refusal.ts';

/*
 * What kadm join is given that cannot work: one clear line, the documented exit code (1 failed, 2 wrong usage or
 * configuration, 3 the host is not ready), and hosts on which nothing has changed.
 */
const LAB = 'test-bad-join';
const TOKEN = 'abcdef.0123456789abcdef';
const KNOWN_HOSTS = '/root/.ssh/known_hosts';

let master: LabHost;
let worker: LabHost;
let onWorker: Watch;
let caHash: string;

beforeAll(async () => {
  const lab = await bareLabWithKadm(LAB, 2);
  master = lab.host('h1');
  worker = lab.host('h2');
  onWorker = await Watch.begin(worker);
});
afterAll(() => removeLab(LAB));

describe('with a cluster on the master', () => {
  let onMaster: Watch;
  let tokens: string;

  beforeAll(async () => {
    const init = await master.exec(['kadm', 'init', '--token', TOKEN], { timeoutMs: 300_000 });
    caHash = /sha256:[0-9a-f]{64}/.exec(init.stdout)?.[0] ?? '';
    // The pod network and the first pods make links, routes and files of their own.
    const coredns = ['--namespace', 'kube-system', 'deployment/coredns', '--timeout=60s'];
    await master.exec(['kubectl', 'rollout', 'status', ...coredns], { timeoutMs: 70_000 });
    onMaster = await Watch.begin(master);
    tokens = await listTokens();
  });
  afterEach(async () => {
    expect(await onWorker.changes()).toEqual([]);
    expect(await onMaster.changes('running')).toEqual([]);
    expect(await listTokens()).toBe(tokens);
  });

  async function listTokens(): Promise<string> {
    return (await master.exec(['kadm', 'token', 'list'])).stdout;
  }

  test('a second init is refused', async () => {
    await expectRefusal(master, ['kadm', 'init', '--node-name', 'another'], {
      exitCode: 3,
      line: 'this host is already a control plane (node h1), and it is healthy; nothing was changed',
      remedy: 'to start anew, run `kadm reset` first',
    });
  });

  async function expectJoinRefused(
    given: { endpoint?: string; token?: string; caHash?: string },
    refusal: Refusal,
  ): Promise<void> {
    const { endpoint = `${master.address}:6443`, token = TOKEN } = given;
    const flags = ['--token', token, '--discovery-token-ca-cert-hash', given.caHash ?? caHash];
    await expectRefusal(worker, ['kadm', 'join', endpoint, ...flags], refusal);
  }

  test('a join with a token that is unknown is refused', async () => {
    await expectJoinRefused(
      { token: 'zyxwvu.0123456789abcdef' },
      {
        exitCode: 3,
        line: 'the cluster does not know the join token zyxwvu.…: it is wrong or has expired',
        remedy: /on the master, `kadm token create .*/,
      },
    );
  });

  test('a join with the wrong secret in its token is refused', async () => {
    await expectJoinRefused(
      { token: 'abcdef.fedcba9876543210' },
      {
        exitCode: 3,
        line: 'cluster-info is not signed with the join token abcdef.…: the token is wrong, or somebody is in between',
        remedy: /on the master, `kadm token create .*/,
      },
    );
  });

  test('a join with a token that has expired is refused', async () => {
    const token = 'expire.0123456789abcdef';
    await master.exec(['kadm', 'token', 'create', token, '--ttl', '2s']);
    const { stdout } = await master.exec(['date', '+%s']);
    await expect
      .poll(async () => Number((await master.exec(['date', '+%s'])).stdout) - Number(stdout), {
        timeout: 20_000,
      })
      .toBeGreaterThan(2);
    await expectJoinRefused(
      { token },
      {
        exitCode: 3,
        line: /the cluster does not (know the join token expire\.…|accept the join token): it is wrong or has expired/,
        remedy: /on the master, `kadm token create .*/,
      },
    );
    // The cluster's token cleaner removes it some time after.
    await expect.poll(listTokens, { timeout: 60_000, interval: 500 }).toBe(tokens);
  });

  test('a join with the CA hash of another cluster is refused', async () => {
    await expectJoinRefused(
      { caHash: hash('0') },
      {
        exitCode: 3,
        line: `the cluster's CA has the hash ${caHash}, which is not the one that was given`,
        remedy: /this is another cluster, or somebody is in between; .*/,
      },
    );
  });

  test('a join without the CA hash is refused', async () => {
    await expectRefusal(worker, ['kadm', 'join', `${master.address}:6443`, '--token', TOKEN], {
      exitCode: 2,
      line: 'no CA certificate hash, so the cluster could be anybody’s',
      remedy: /give --discovery-token-ca-cert-hash sha256:HEX, .*/,
    });
  });

  test('a join with a CA hash that is none is refused', async () => {
    await expectJoinRefused(
      { caHash: 'sha256:0123' },
      {
        exitCode: 2,
        line: '"sha256:0123" is not a CA certificate hash: sha256: and 64 hexadecimal digits',
        remedy: 'copy it from the join command that kadm init printed',
      },
    );
  });

  test('a join at an address where nobody answers is refused', async () => {
    const endpoint = `${nobody()}:6443`;
    await expectJoinRefused(
      { endpoint },
      {
        exitCode: 3,
        line: `cannot reach the API server at https://${endpoint}: connect EHOSTUNREACH ${endpoint}`,
        remedy: /check the address, and that nothing between drops its port; if it does not run, see why .*/,
      },
    );
  });

  test('a join over SSH of a host that does not answer is refused', async () => {
    const target = `root@${nobody()}`;
    await expectRefusal(master, ['kadm', 'join', '--ssh', target], {
      exitCode: 1,
      line: `${target}: cannot reach ${target}:22: connect EHOSTUNREACH ${nobody()}:22`,
      remedy: 'check the address, the network between, and that sshd runs there',
    });
  });

  test('a join over SSH of a host whose key is not known is refused', async () => {
    await withKnownHosts('', () =>
      expectRefusal(master, ['kadm', 'join', '--ssh', 'root@h2'], {
        exitCode: 1,
        line: /root@h2: the host key SHA256:\S{43} \(ssh-ed25519\) is not in known_hosts/,
        remedy: /compare it with the host's own .*--accept-new-host-keys/,
      }),
    );
  });

  test('a join over SSH of a host whose key has changed is refused, even if new keys are accepted', async () => {
    const known = (await master.exec(['cat', KNOWN_HOSTS])).stdout;
    const keyOf = (name: string): string => new RegExp(`^${name}\\S* (.*)$`, 'm').exec(known)?.[1] ?? '';
    await withKnownHosts(`h2 ${keyOf('h1')}\n`, () =>
      expectRefusal(master, ['kadm', 'join', '--accept-new-host-keys', '--ssh', 'root@h2'], {
        exitCode: 1,
        line: /root@h2: the host key is SHA256:\S{43}, but known_hosts has SHA256:\S{43}/,
        remedy: "somebody may be in between; if the host was set up anew: ssh-keygen -R 'h2'",
      }),
    );
  });

  /** Replaces what the master knows of host keys while `use` runs; kadm must leave it as it is. */
  async function withKnownHosts(text: string, use: () => Promise<void>): Promise<void> {
    const { stdout: before } = await master.exec(['cat', KNOWN_HOSTS]);
    const write = (input: string) => master.exec(['tee', KNOWN_HOSTS], { input });
    await write(text);
    try {
      await use();
      expect((await master.exec(['cat', KNOWN_HOSTS])).stdout).toBe(text);
    } finally {
      await write(before);
    }
  }
});

test('after all that, the worker joins with what is right', async () => {
  const flags = ['--token', TOKEN, '--discovery-token-ca-cert-hash', caHash];
  const joined = await worker.exec(['kadm', 'join', `${master.address}:6443`, ...flags], {
    timeoutMs: 300_000,
  });
  expect(joined.stdout).toContain('This host is node h2 of the cluster, and Ready.');
});

/** An address of the lab's network that no host has. */
function nobody(): string {
  return master.address.replace(/\d+$/, '99');
}

function hash(digit: string): string {
  return `sha256:${digit.repeat(64)}`;
}
