import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { LocalHost } from '../../src/host/host.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { unpackPackages } from './support/debian-packages.ts';

/*
 * How kadm reaches hosts, against OpenSSH's own server: h1 is where it runs, h3 what it reaches, h2 the way
 * there. `kadm exec` connects as all other commands do.
 */
const LAB = 'test-ssh';
const SSH = '/root/.ssh';
const PASSWORD = 'correct horse';
const ID = ['id', '-u'];

let lab: Lab;

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 3);
  await unpackPackages(['fish', 'fish-common', 'libpcre2-32-0', 'tcsh'], lab.host('h3').rootfs);
  // bob gets in by key, and is root by sudo without a password; carol by password only, for both.
  const users = `
    for user in bob carol; do useradd --create-home --shell /bin/bash "$user"; done
    echo 'carol:${PASSWORD}' | chpasswd
    install -d -o bob -m 700 /home/bob/.ssh
    install -o bob -m 600 /root/.ssh/authorized_keys /home/bob/.ssh/authorized_keys
    printf '%s\n' 'bob ALL=(ALL) NOPASSWD: ALL' 'carol ALL=(ALL) ALL' >/etc/sudoers.d/kadm-test
    echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/00-test.conf
    systemctl reload ssh`;
  await on('h3', users);
  await on(
    'h1',
    `ssh-keygen -q -t ed25519 -N 'open sesame' -f ${SSH}/locked && ssh-keygen -q -t ecdsa -N '' -f ${SSH}/ec
    ssh-keygen -q -t rsa -N '' -f ${SSH}/rsa`,
  );
  const keys = await on('h1', `cat ${SSH}/locked.pub ${SSH}/ec.pub ${SSH}/rsa.pub`);
  await lab.host('h3').exec(['tee', '-a', '/home/bob/.ssh/authorized_keys'], { input: keys });
  await lab.host('h2').exec(['tee', '-a', '/root/.ssh/authorized_keys'], { input: keys });
});
afterAll(() => removeLab(LAB));

async function on(host: string, script: string): Promise<string> {
  return (await lab.host(host).exec(['sh', '-euc', script])).stdout;
}

async function put(path: string, text: string): Promise<void> {
  await new LocalHost().writeFile(`${lab.host('h1').rootfs}${path}`, text, { mode: 0o600 });
}

interface Outcome {
  readonly exitCode: number;
  readonly said: string;
}

/** `kadm exec` on h1 with one host in its file. */
async function reach(
  host: Record<string, unknown>,
  options: { config?: string; env?: Record<string, string>; flags?: string[]; argv?: string[] } = {},
): Promise<Outcome> {
  await put(`${SSH}/config`, options.config ?? '');
  const cluster = { apiVersion: 'kadm.io/v1', kind: 'Cluster', spec: { hosts: [host] } };
  await put('/root/cluster.yaml', stringify(cluster));
  const flags = ['-f', '/root/cluster.yaml', '--hosts', 'all', ...(options.flags ?? [])];
  const argv = ['kadm', 'exec', ...flags, '--', ...(options.argv ?? ID)];
  const env = { HOME: '/root', ...options.env };
  const ran = await lab.host('h1').exec(argv, { allowFailure: true, timeoutMs: 120_000, env });
  return { exitCode: ran.exitCode, said: `${ran.stdout}${ran.stderr}` };
}

/** `kadm exec` on h1 at a terminal, at which somebody types one answer. */
async function typing(answer: string, ...hosts: object[]): Promise<string> {
  await put('/root/cluster.yaml', stringify({ apiVersion: 'kadm.io/v1', kind: 'Cluster', spec: { hosts } }));
  const typed = `(sleep 3; printf '%s\\r' '${answer}'; sleep 8) | script -qec 'kadm exec -f /root/cluster.yaml --hosts all -- id -u' /dev/null`;
  const env = { HOME: '/root', TERM: 'xterm' };
  return (await lab.host('h1').exec(['sh', '-c', typed], { timeoutMs: 60_000, env })).stdout;
}

function expectRoot({ exitCode, said }: Outcome, host = 'h3'): void {
  expect({ exitCode, said }).toEqual({ exitCode: 0, said: expect.stringContaining(`[${host}] 0\n`) });
}

describe('a host is reached', () => {
  test('with names, users, ports, keys and files of ~/.ssh/config and what it includes', async () => {
    const config = `Include extra/*.conf
Host box-*
  User bob
  IdentitiesOnly yes
  IdentityFile ~/.ssh/ec
  UserKnownHostsFile ~/.ssh/boxes
`;
    await on('h1', `mkdir -p ${SSH}/extra && ssh-keyscan -t ed25519 h3 2>/dev/null >${SSH}/boxes`);
    await put(`${SSH}/extra/one.conf`, 'Host box-1\n  HostName h3\n  HostKeyAlias h3\n  Port 2200\n');
    for (const port of [2200, 2201])
      await on(
        'h3',
        `systemd-run --quiet --unit port-${port} socat TCP-LISTEN:${port},fork TCP:127.0.0.1:22`,
      );
    expectRoot(await reach({ address: 'box-1' }, { config }), 'box-1');
    // What the entry says comes first.
    await on('h3', 'systemctl stop port-2200');
    expectRoot(await reach({ address: 'box-1', port: 2201 }, { config }), 'box-1');
    const asBob = await reach({ address: 'box-1', port: 2201, sudo: false }, { config });
    expect(asBob).toMatchObject({ exitCode: 0, said: expect.stringMatching(/^\[box-1\] [1-9]/m) });
    await on('h3', 'systemctl stop port-2201');
  });

  test.each(['ec', 'rsa'])('with the key %s of its entry, whose ~ is the home', async (key) => {
    expectRoot(await reach({ address: 'h3', user: 'bob', identityFile: `~/.ssh/${key}` }));
  });

  test('through two others, by ProxyJump and by the bastion of its entry', async () => {
    const config = 'Host h3\n  ProxyJump root@h1,h2\n';
    await on('h3', 'iptables -I INPUT -p tcp --dport 22 ! -s h2 -j REJECT');
    const entered = (): Promise<string> =>
      on('h1', 'journalctl --output cat | grep -c "^Accepted publickey" || true');
    try {
      const before = Number(await entered());
      expectRoot(await reach({ address: 'h3' }, { config }));
      expect(Number(await entered())).toBe(before + 1);
      expectRoot(await reach({ address: 'h3', bastion: 'root@h2:22' }));
    } finally {
      await on('h3', 'iptables -D INPUT 1');
    }
  });

  test('with a key that needs a passphrase, which comes from the environment', async () => {
    const host = { address: 'h3', user: 'bob', identityFile: '~/.ssh/locked' };
    expectRoot(await reach(host, { env: { KADM_SSH_PASSPHRASE: 'open sesame' } }));
    const wrong = await reach(host, { env: { KADM_SSH_PASSPHRASE: 'open barley' } });
    expect(wrong.said).toContain('the passphrase of /root/.ssh/locked is not right');
    expect(wrong.said).not.toContain('barley');
  });

  test('with a passphrase that is typed, once for two hosts', async () => {
    const key = { identityFile: '~/.ssh/locked' };
    const said = await typing(
      'open sesame',
      { address: 'h3', user: 'bob', ...key },
      { address: 'h2', ...key },
    );
    expect(said).toContain('Passphrase of /root/.ssh/locked');
    for (const host of ['h2', 'h3']) expect(said).toContain(`[${host}] 0`);
  });

  test('with a key of the agent', async () => {
    await on(
      'h1',
      `ssh-agent -a /run/agent.sock >/dev/null; ssh-keygen -q -p -P 'open sesame' -N '' -f ${SSH}/locked
      SSH_AUTH_SOCK=/run/agent.sock ssh-add -q ${SSH}/locked; mv ${SSH}/locked ${SSH}/away`,
    );
    const config = 'Host *\n  IdentityFile ~/.ssh/none\n';
    expectRoot(
      await reach({ address: 'h3', user: 'bob' }, { config, env: { SSH_AUTH_SOCK: '/run/agent.sock' } }),
    );
    expect(await reach({ address: 'h3', user: 'bob' }, { config })).toMatchObject({ exitCode: 1 });
    // With IdentitiesOnly, a key of the agent that belongs to no identity file is not shown.
    const own = `${config}  IdentitiesOnly yes\n`;
    expect(
      await reach({ address: 'h3', user: 'bob' }, { config: own, env: { SSH_AUTH_SOCK: '/run/agent.sock' } }),
    ).toMatchObject({ exitCode: 1 });
  });

  test('with a password from the environment, which sudo takes too', async () => {
    const config = 'Host *\n  IdentityFile ~/.ssh/none\n';
    const env = { KADM_SSH_PASSWORD: PASSWORD };
    const host = { address: 'h3', user: 'carol' };
    expectRoot(await reach(host, { config, env }));
    await on('h3', `echo 'Defaults requiretty' >>/etc/sudoers.d/kadm-test`);
    expectRoot(await reach(host, { config, env }));
    expectRoot(await reach({ address: 'h3', user: 'bob' }));
    await on(
      'h3',
      `sed -i /requiretty/d /etc/sudoers.d/kadm-test
      sed -i 's/Authentication yes/Authentication no/' /etc/ssh/sshd_config.d/00-test.conf
      echo 'KbdInteractiveAuthentication yes' >>/etc/ssh/sshd_config.d/00-test.conf; systemctl reload ssh`,
    );
    expectRoot(await reach(host, { config, env }));
    const wrong = await reach(host, {
      config,
      env: { ...env, KADM_SUDO_PASSWORD: 'wrong', KADM_SSH_PASSWORD: 'bad' },
    });
    expect(wrong).toMatchObject({ exitCode: 1, said: expect.stringContaining('does not let us in') });
  });

  test('with a password that is typed', async () => {
    await put(`${SSH}/config`, 'Host *\n  IdentityFile ~/.ssh/none\n');
    const said = await typing(PASSWORD, { address: 'h3', user: 'carol' });
    expect(said).toContain('Password of carol on h3');
    expect(said).toContain('[h3] 0');
    expect(said).not.toContain(PASSWORD);
  });

  test.each(['bash', 'fish', 'tcsh'])('with the login shell %s, and one that talks', async (shell) => {
    await on(
      'h3',
      `usermod --shell /bin/${shell} bob; mkdir -p /home/bob/.config/fish
      echo 'echo welcome to the machine' | tee /home/bob/.bashrc /home/bob/.tcshrc >/home/bob/.config/fish/config.fish
      echo 'echo 0123 >&2' >>/home/bob/.bashrc`,
    );
    const argv = ['printf', '%s\n', `it's \\ a\nb!`, '$HOME', '*'];
    const { exitCode, said } = await reach({ address: 'h3', user: 'bob' }, { argv });
    expect(exitCode).toBe(0);
    expect(said).toContain('[h3] welcome to the machine\n');
    for (const line of [`it's \\ a`, 'b!', '$HOME', '*']) expect(said).toContain(`[h3] ${line}\n`);
  });
});

describe('a host key', () => {
  const config = 'Host *\n  UserKnownHostsFile ~/.ssh/known_test\n';
  const host = { address: 'h3' };
  const known = (text: string): Promise<void> => put(`${SSH}/known_test`, text);
  const keyOf = async (name: string): Promise<string> =>
    (await on(name, 'cat /etc/ssh/ssh_host_ed25519_key.pub')).split(' ').slice(0, 2).join(' ');

  test('that is not known is refused with its fingerprint, and remembered when it is accepted', async () => {
    await known('');
    const shown = /SHA256:\S+/.exec(await on('h3', 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub'))?.[0];
    const refused = await reach(host, { config });
    expect(refused).toMatchObject({ exitCode: 1, said: expect.stringContaining(`the host key ${shown}`) });
    expect(refused.said).not.toContain('trying again');
    expectRoot(await reach(host, { config, flags: ['--accept-new-host-keys'] }));
    expectRoot(await reach(host, { config }));
  });

  test('is found under a hashed name', async () => {
    await known(`h3 ${await keyOf('h3')}\n`);
    await on('h1', `ssh-keygen -H -f ${SSH}/known_test`);
    expectRoot(await reach(host, { config }));
  });

  test('that has changed is refused with both fingerprints, whatever is accepted', async () => {
    await known(`h3 ${await keyOf('h2')}\n`);
    const loose = `${config}  StrictHostKeyChecking no\n`;
    const { exitCode, said } = await reach(host, { config: loose, flags: ['--accept-new-host-keys'] });
    expect(exitCode).toBe(1);
    expect(said).toMatch(/the host key is SHA256:\S{43}, but known_hosts has SHA256:\S{43}/);
  });

  test('that is revoked is refused', async () => {
    await known(`@revoked * ${await keyOf('h3')}\n`);
    expect((await reach(host, { config, flags: ['--accept-new-host-keys'] })).said).toContain(
      'is marked as revoked',
    );
  });

  test('is accepted by a person at a terminal', async () => {
    await known('');
    await put(`${SSH}/config`, config);
    const said = await typing('y', host);
    expect(said).toMatch(/shows the host key SHA256:\S{43}/);
    expect(said).toContain('[h3] 0');
    expect(await on('h1', `ssh-keygen -F h3 -f ${SSH}/known_test`)).toContain('ssh-ed25519');
  });
});

describe('a host certificate', () => {
  const config = 'Host *\n  UserKnownHostsFile ~/.ssh/known_test\n';
  const host = { address: 'h3' };
  const flags = ['--accept-new-host-keys'];
  // systemd does not start a unit more than five times in 10 s.
  const RESTART = 'systemctl reset-failed ssh && systemctl restart ssh';
  const authority = (marker = '@cert-authority'): Promise<string> =>
    on('h1', `echo "${marker} * $(cat /root/ca.pub)"`);

  /** Has the authority sign the key of h3, and h3 show what it signed. */
  async function certify(...options: string[]): Promise<void> {
    const signing = ['ssh-keygen', '-q', '-s', '/root/ca', '-I', 'h3', '-h', ...options, '/root/key.pub'];
    const input = await on('h3', 'cat /etc/ssh/ssh_host_ed25519_key.pub');
    await lab.host('h1').exec(['tee', '/root/key.pub'], { input });
    const certificate = await on('h1', `${signing.join(' ')} && cat /root/key-cert.pub`);
    await lab.host('h3').exec(['tee', '/etc/ssh/test-cert.pub'], { input: certificate });
    await on('h3', RESTART);
  }

  beforeAll(async () => {
    await on('h1', `for ca in ca other-ca; do ssh-keygen -q -t ecdsa -N '' -f "/root/$ca"; done`);
    await on('h3', 'echo "HostCertificate /etc/ssh/test-cert.pub" >/etc/ssh/sshd_config.d/10-test.conf');
    await put(`${SSH}/known_test`, await authority());
  });
  afterAll(() => on('h3', `rm /etc/ssh/sshd_config.d/10-test.conf; ${RESTART}`));

  test('of an authority in known_hosts is enough, also through another host', async () => {
    await certify('-n', 'h3');
    expectRoot(await reach(host, { config }));
    await put(
      `${SSH}/known_test`,
      `${await authority()}h2 ${await on('h2', 'cat /etc/ssh/ssh_host_ed25519_key.pub')}`,
    );
    expectRoot(await reach({ ...host, bastion: 'root@h2' }, { config }));
    expect(await on('h1', `grep -c h3 ${SSH}/known_test || true`)).toBe('0\n');
  });

  test.each([
    ['for another host', ['-n', 'h2'], 'is not valid: it is for h2, not for h3'],
    [
      'that has expired',
      ['-n', 'h3', '-V', '20200101:20210101'],
      'is not valid: it has expired at 2021-01-01',
    ],
    [
      'signed by somebody else',
      ['-n', 'h3', '-s', '/root/other-ca'],
      'has no certificate of the authority that is',
    ],
  ])('%s is refused', async (_, options, refusal) => {
    await certify(...options);
    // Not as a new key either, unless nobody whom known_hosts names has signed it.
    const accepting = options.includes('-s') ? [] : flags;
    expect(await reach(host, { config, flags: accepting })).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining(refusal),
    });
  });

  test('of an authority that is revoked is refused', async () => {
    await certify('-n', 'h3');
    await put(`${SSH}/known_test`, `${await authority()}${await authority('@revoked')}`);
    const { said } = await reach(host, { config, flags });
    expect(said).toMatch(
      /its host certificate is signed by SHA256:\S{43}, which known_hosts marks as revoked/,
    );
  });
});

describe('kadm up at a terminal without a file', () => {
  test('asks for the hosts, connects to each at once, and writes the file', async () => {
    await on('h1', 'mv /etc/kadm/config.yaml /root/away; rm -f /root/.ssh/config /root/cluster.yaml');
    const keys = ['h3:23', 'h3', 'h[2-2]', '', '', '', 'n'];
    const typing = keys.map((text) => `sleep 4; printf '%s\\r' '${text}'`).join('; ');
    const typed = `(sleep 2; ${typing}; sleep 3) | script -qec 'kadm up' /dev/null`;
    const { stdout } = await lab.host('h1').exec(['sh', '-c', typed], {
      timeoutMs: 60_000,
      allowFailure: true,
      env: { HOME: '/root', TERM: 'xterm' },
    });
    await on('h1', 'mv /root/away /etc/kadm/config.yaml');
    expect(stdout).toContain('h3: cannot reach root@h3:23: connect ECONNREFUSED');
    expect(stdout).toMatch(/h2: Debian .*, \d+ processors, \d+ MiB, eth0 /);
    expect(await on('h1', 'cat /root/cluster.yaml')).toMatch(
      /- address: h3\n +role: control-plane\n +- address: h2\n/,
    );
  });
});

test('Ctrl-C ends what runs on the hosts, with 130', async () => {
  await put(
    '/root/cluster.yaml',
    stringify({ apiVersion: 'kadm.io/v1', kind: 'Cluster', spec: { hosts: [{ address: 'h3' }] } }),
  );
  const run = `kadm exec -f /root/cluster.yaml --hosts all -- sh -c 'echo begun; sleep 300' >/root/said 2>&1 & p=$!
    until grep -q begun /root/said; do sleep 0.1; done; kill -INT $p; code=0; wait $p || code=$?; echo "$code"`;
  const { stdout } = await lab
    .host('h1')
    .exec(['bash', '-mc', run], { timeoutMs: 30_000, env: { HOME: '/root' } });
  expect(stdout.trim()).toBe('130');
});

describe('a network that fails', () => {
  test('is tried again for a while, and other failures are not', async () => {
    await on(
      'h3',
      'systemctl stop ssh.socket ssh.service 2>/dev/null || systemctl stop ssh; (sleep 4; systemctl start ssh) >/dev/null 2>&1 &',
    );
    const { exitCode, said } = await reach({ address: 'h3' });
    expect({ exitCode, said }).toEqual({ exitCode: 0, said: expect.stringContaining('trying again') });
    const refused = await reach({ address: 'h3', user: 'nobody' });
    expect(refused).toMatchObject({ exitCode: 1, said: expect.stringContaining('does not let us in') });
    expect(refused.said).not.toContain('trying again');
  });

  test('for 20 s in the middle is survived', async () => {
    const rules = ['INPUT -p tcp --dport 22', 'OUTPUT -p tcp --sport 22'];
    const all = (verb: string): string => rules.map((rule) => `iptables ${verb} ${rule} -j DROP`).join('; ');
    const argv = ['sh', '-c', `${all('-A')}; sleep 20; ${all('-D')}; echo back`];
    const { exitCode, said } = await reach({ address: 'h3' }, { argv });
    expect({ exitCode, said }).toEqual({ exitCode: 0, said: expect.stringContaining('[h3] back\n') });
  });

  test('in the middle is noticed within 30 s', async () => {
    const cut = 'iptables -A INPUT -p tcp --dport 22 -j DROP; iptables -A OUTPUT -p tcp --sport 22 -j DROP';
    const start = performance.now();
    const argv = ['sh', '-c', `${cut}; sleep 300`];
    try {
      const { exitCode, said } = await reach({ address: 'h3' }, { argv });
      expect({ exitCode, said }).toEqual({
        exitCode: 1,
        said: expect.stringContaining('the SSH connection was lost'),
      });
      expect(performance.now() - start).toBeLessThan(40_000);
    } finally {
      await on('h3', 'iptables -F INPUT; iptables -F OUTPUT');
    }
  });
});
