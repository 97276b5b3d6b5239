import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { cacheDirectory } from '../../src/components/cache.ts';
import { DEFAULT_KUBERNETES_VERSION, releaseFor } from '../../src/components/catalog.ts';
import { ComponentStore } from '../../src/components/store.ts';
import { LocalHost } from '../../src/host/host.ts';
import { clusterFileOf } from '../../src/lab/cluster/nodes.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { HOST_STORE } from '../../src/lab/paths.ts';
import { KADM_PATH } from '../../src/node/components.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { unpackPackages } from './support/debian-packages.ts';
import { Kubectl } from './support/kubectl.ts';

/*
 * What real machines do to an installer. h1 is where the commands run, and the control plane later; h2 and h3
 * are the machines with peculiarities.
 */
const LAB = 'test-machines';
const FILE = '/root/cluster.yaml';

let lab: Lab;

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 3);
});
afterAll(() => removeLab(LAB));

async function on(host: string, script: string): Promise<string> {
  return (await lab.host(host).exec(['sh', '-euc', script], { timeoutMs: 120_000 })).stdout;
}

/** Runs kadm on h1, with a file that names these hosts. */
async function kadm(
  argv: readonly string[],
  hosts: readonly object[],
): ReturnType<Lab['hosts'][number]['exec']> {
  const h1 = lab.host('h1');
  const text = await clusterFileOf(h1, hosts);
  await new LocalHost().writeFile(`${h1.rootfs}${FILE}`, text, { mode: 0o600 });
  return await h1.exec(['kadm', ...argv], { allowFailure: true, timeoutMs: 300_000 });
}

describe('kadm hosts check', () => {
  const checked = z.object({
    result: z.object({
      checked: z.array(
        z.object({ host: z.string(), problems: z.array(z.string()), facts: z.object({ cpus: z.number() }) }),
      ),
    }),
  });

  async function problems(): Promise<Record<string, readonly string[]>> {
    const { stdout } = await kadm(
      ['hosts', 'check', '-f', FILE, '--output', 'json'],
      [{ address: 'h[2-3]' }],
    );
    const events = stdout
      .split('\n')
      .flatMap((line) => checked.safeParse(line && JSON.parse(line)).data ?? []);
    const hosts = events[0]?.result.checked ?? [];
    return Object.fromEntries(hosts.map((host) => [host.host, host.problems]));
  }

  test('finds nothing wrong with hosts as they should be, and says what they are', async () => {
    expect(await problems()).toEqual({ h2: [], h3: [] });
    const { stdout, exitCode } = await kadm(['hosts', 'check', '-f', FILE], [{ address: 'h[2-3]' }]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^h2 +Debian .* MiB .* MiB +-?\d+\.\d s +eth0=\S+ .*ready$/m);
  });

  test('names what would stop a join', async () => {
    await on(
      'h2',
      `mount --bind /usr /usr && mount -o remount,ro,bind /usr
      mkdir -p /etc/kubernetes && touch /etc/kubernetes/kubelet.conf
      printf 'Filename Type Size Used Priority\\n/dev/sda2 partition 1 0 -2\\n' >/root/swaps && mount --bind /root/swaps /proc/swaps
      systemd-run --quiet --unit taken socat TCP-LISTEN:10250,fork /dev/null`,
    );
    await on(
      'h3',
      `mount -t tmpfs -o size=1m tmpfs /var && head -c 1m /dev/zero >/var/full 2>/dev/null || true
      cat /etc/machine-id >/root/id
      printf '#!/bin/sh\\n/usr/bin/date -d "-90 seconds" "$@"\\n' >/usr/local/bin/date && chmod 755 /usr/local/bin/date`,
    );
    const { stdout: id } = await lab.host('h2').exec(['cat', '/etc/machine-id']);
    await lab.host('h3').exec(['tee', '/etc/machine-id'], { input: id });
    try {
      const { h2, h3 } = await problems();
      expect(h2).toEqual([
        '/usr/local cannot be written to (read-only, or full)',
        expect.stringContaining('swap is on (/dev/sda2)'),
        expect.stringContaining('port 10250 is taken'),
        expect.stringContaining('/etc/kubernetes/kubelet.conf is there'),
        'it has the same machine-id as h3',
      ]);
      expect(h3).toEqual([
        expect.stringMatching(/ MiB free on \/var: 2048 are needed|\/var cannot be written to/),
        expect.stringMatching(/its clock is (89|90|91) s behind/),
        'it has the same machine-id as h2',
      ]);
    } finally {
      await on('h2', 'umount -l /usr /proc/swaps; rm -r /etc/kubernetes; systemctl stop taken');
      await on('h3', 'umount -l /var; rm /usr/local/bin/date; cat /root/id >/etc/machine-id');
    }
  });
});

test('a runtime that others use, and what another cluster left, stop a join before anything is changed', async () => {
  const release = releaseFor(DEFAULT_KUBERNETES_VERSION);
  const index = await new ComponentStore(`${cacheDirectory()}/store`).index(release.kubernetes);
  for (const { name, sha256 } of index) {
    if (name !== 'containerd' && name !== 'ctr') continue;
    await on('h2', `install -m 755 ${HOST_STORE}/blobs/sha256/${sha256} /usr/bin/${name}`);
  }
  await on(
    'h2',
    `systemd-run --quiet --unit docker sleep infinity; systemd-run --quiet --unit theirs containerd
    until ctr namespaces create moby 2>/dev/null; do sleep 0.1; done
    mkdir -p /etc/kubernetes && touch /etc/kubernetes/kubelet.conf`,
  );
  const join = ['kadm', 'join', '10.0.0.1:6443', '--token', 'abcdef.0123456789abcdef'];
  const trust = '--discovery-token-unsafe-skip-ca-verification';
  const { exitCode, stderr } = await lab.host('h2').exec([...join, trust], { allowFailure: true });
  expect(stderr).toContain(
    'a container runtime is in use here already, by docker.service, containerd namespace moby',
  );
  expect(stderr).toContain('/etc/kubernetes/kubelet.conf');
  expect(exitCode).toBe(3);
  expect(await on('h2', 'ls -d /var/lib/kadm 2>/dev/null || true')).toBe('');
  await on(
    'h2',
    `systemctl stop docker theirs; rm -rf /usr/bin/containerd /usr/bin/ctr /etc/kubernetes /run/containerd
    find /var/lib/containerd -mindepth 1 -delete`,
  );
});

describe('kadm comes to a host', () => {
  const reset = ['reset', '--force', '--ssh', 'root@h3'];
  const left = (): Promise<string> => on('h3', 'ls -d /var/tmp/kadm-* /var/lib/kadm-* 2>/dev/null || true');

  test('where /var/tmp is mounted so that nothing can be run there', async () => {
    await on('h3', `rm ${KADM_PATH}; mount -t tmpfs -o noexec tmpfs /var/tmp`);
    const { exitCode, stderr } = await kadm(reset, []);
    expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' });
    await on('h3', 'umount -l /var/tmp');
    expect(await left()).toBe('');
  });

  const part = '/var/tmp/kadm-*/*.part';

  test('whose sshd is killed in the middle, with a second connection that sends the rest', async () => {
    await on(
      'h3',
      `systemd-run --quiet --unit killer sh -c 'until [ "$(stat -c %s ${part} || echo 0)" -gt 20000000 ]; do :; done; pkill -9 -f "[s]shd-session: root"'`,
    );
    const { exitCode, stderr } = await kadm(reset, []);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringMatching(
        /the SSH connection was lost.*sending the rest of kadm: \d\d MiB are there/s,
      ),
    });
  });

  test('and is killed itself: the same command sends the rest, of which every byte is checked', async () => {
    await on('h1', 'tc qdisc add dev eth0 root tbf rate 200mbit burst 64k latency 50ms');
    const first = kadm(reset, []);
    await on(
      'h3',
      `until [ "$(stat -c %s ${part} || echo 0)" -gt 20000000 ]; do sleep 0.01; done 2>/dev/null`,
    );
    await on('h1', 'pkill -9 -f "^kadm reset"; tc qdisc del dev eth0 root');
    expect((await first).exitCode).not.toBe(0);
    await on('h3', `printf x | dd of=$(ls ${part}) conv=notrunc bs=1 seek=1000 status=none`);
    const { exitCode, stderr } = await kadm(reset, []);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 0,
      stderr: expect.stringMatching(/sending the rest of kadm: \d\d MiB are there/),
    });
    await on('h3', 'rm -rf /var/tmp/kadm-*');
  });
});

describe('a cluster of such machines', () => {
  const HOSTS = [{ address: 'h1', role: 'control-plane' }, { address: 'h2' }, { address: 'h3' }];
  /** Writes down whatever looks like a join token in the arguments and environments of all processes. */
  const WATCH = `systemd-run --quiet --unit watch sh -c 'while :; do
    for p in /proc/[0-9]*; do tr "\\\\0" " " <$p/cmdline; echo; tr "\\\\0" "\\\\n" <$p/environ; done 2>/dev/null |
      grep -oE "(^|[^a-z0-9.])[a-z0-9]{6}\\.[a-z0-9]{16}([^a-z0-9.]|$)" >>/root/seen; done'`;

  beforeAll(async () => {
    for (const name of ['h1', 'h2', 'h3']) {
      // As in Vagrant: the first interface has the same address everywhere, and the default route.
      await on(
        name,
        `ip link add nat0 type bridge && ip addr add 10.0.2.15/24 dev nat0 && ip link set nat0 up
        ip route replace default via 10.0.2.2 dev nat0`,
      );
    }
    // One speaks German, and root's shell on the other is fish.
    await unpackPackages(['locales'], lab.host('h2').rootfs);
    await on(
      'h2',
      'localedef -i de_DE -f UTF-8 /usr/lib/locale/de_DE.UTF-8; echo LANG=de_DE.UTF-8 >/etc/default/locale',
    );
    await unpackPackages(['fish', 'fish-common', 'libpcre2-32-0'], lab.host('h3').rootfs);
    await on('h3', 'usermod --shell /usr/bin/fish root');
    await on('h2', 'hostname Web.Example.ORG; iptables -A INPUT -p tcp --dport 10250 -s h1 -j DROP');
    await on('h3', 'iptables -A INPUT -p udp --dport 8472 -j DROP');
  });

  test('is made, and a firewall that drops a port is named', async () => {
    await Promise.all(['h1', 'h2', 'h3'].map((name) => on(name, WATCH)));
    const second = sleep(4_000).then(() => kadm(['up', '-f', FILE], HOSTS));
    const { exitCode, stderr } = await kadm(['up', '-f', FILE], HOSTS);
    expect((await second).stderr).toContain('another kadm changes this host: kadm up');
    expect(stderr).toMatch(
      /h2: it has joined as web\.example\.org, but TCP port 10250 of \S+ does not answer/,
    );
    expect(stderr).toMatch(/h3: it has joined as h3, but UDP of the pod network \(port 8472/);
    expect(exitCode).toBe(4);
    await on('h2', 'iptables -D INPUT 1');
    await on('h3', 'iptables -D INPUT 1');
    expect(await kadm(['up', '-f', FILE], HOSTS)).toMatchObject({ exitCode: 0 });
  });

  test('takes one back whose way out is dropped, which is named too', async () => {
    const rule = 'OUTPUT -p udp --dport 8472 -j DROP';
    expect(await kadm(['reset', '--force', '--ssh', 'root@h3'], HOSTS)).toMatchObject({ exitCode: 0 });
    await on('h3', `iptables -A ${rule}`);
    const { exitCode, stderr } = await kadm(['up', '-f', FILE], HOSTS);
    expect(stderr).toMatch(/h3: it has joined as h3, but UDP of the pod network \(port 8472/);
    expect(exitCode).toBe(4);
    await on('h3', `iptables -D ${rule}`);
  });

  test('has machines that speak another language, and other shells', async () => {
    const { stdout } = await kadm(['exec', '--hosts', 'h2', '-f', FILE, '--', 'ls', '/nowhere'], HOSTS);
    expect(stdout).toContain("Zugriff auf '/nowhere' nicht möglich");
    expect(await on('h3', 'getent passwd root')).toMatch(/:\/usr\/bin\/fish$/m);
  });

  test('has the addresses by which its file names the hosts, on all of them', async () => {
    const addresses = await new Kubectl(lab.host('h1')).run(
      ...[
        'get',
        'nodes',
        '--output',
        'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}',
      ],
    );
    expect(addresses.split(' ').sort()).toEqual(lab.hosts.map(({ address }) => address).sort());
  });

  test('was made without a token in any command line or environment', async () => {
    for (const name of ['h1', 'h2', 'h3'])
      expect([name, await on(name, 'systemctl stop watch; cat /root/seen')]).toEqual([name, '']);
  });
});
