import { access, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LocalHost } from '../../src/host/host.ts';
import { clusterFileOf } from '../../src/lab/cluster/nodes.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { LEDGER_FILE, STATE_DIRECTORY } from '../../src/phases/ledger.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { Kubectl } from './support/kubectl.ts';

/*
 * What goes wrong while machines join: h1 is where `kadm up` runs, and no part of the cluster; h2 becomes the control
 * plane, h3 and h4 the workers. Whatever happened, the same command afterwards ends well.
 */
const LAB = 'test-faults';
const FILE = '/root/cluster.yaml';
const MASTER = { address: 'h2', role: 'control-plane' };
const ALL = [MASTER, { address: 'h3' }, { address: 'h4' }];
const PATIENCE_MS = 120_000;

let lab: Lab;
let [h1, h2, h3, h4] = [] as LabHost[] as [LabHost, LabHost, LabHost, LabHost];
let kubectl: Kubectl;

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 4);
  [h1, h2, h3, h4] = lab.hosts as [LabHost, LabHost, LabHost, LabHost];
  kubectl = new Kubectl(h2);
});
afterAll(() => removeLab(LAB));

async function on(host: LabHost, script: string): Promise<string> {
  return (await host.exec(['sh', '-euc', script], { timeoutMs: PATIENCE_MS })).stdout;
}

interface Outcome {
  readonly exitCode: number;
  readonly said: string;
}

async function kadm(...argv: string[]): Promise<Outcome> {
  const { exitCode, stderr } = await h1.exec(['kadm', ...argv], { allowFailure: true, timeoutMs: 600_000 });
  return { exitCode, said: stderr };
}

async function up(...hosts: readonly object[]): Promise<Outcome> {
  const text = await clusterFileOf(h1, hosts);
  await new LocalHost().writeFile(`${h1.rootfs}${FILE}`, text, { mode: 0o600 });
  return await kadm('up', '-f', FILE);
}

async function endsWell(): Promise<void> {
  const { exitCode, said } = await up(...ALL);
  expect({ exitCode, said: exitCode === 0 ? '' : said }).toEqual({ exitCode: 0, said: '' });
  await expect
    .poll(() => kubectl.run('get', 'nodes', '--no-headers').catch(() => ''), {
      timeout: PATIENCE_MS,
      interval: 1_000,
    })
    .toMatch(/^h2 +Ready .*\nh3 +Ready .*\nh4 +Ready /);
}

/** Until a joining host has begun to get the kubelet's binary, which is about half of what it has to do. */
async function inTheMiddle(host: LabHost): Promise<void> {
  const ledger = `${host.rootfs}${STATE_DIRECTORY}/${LEDGER_FILE}`;
  const end = performance.now() + PATIENCE_MS;
  while (!(await readFile(ledger, 'utf8').catch(() => '')).includes('/usr/local/bin/kubelet')) {
    if (performance.now() > end) throw new Error(`${host.name} does not begin to join`);
    await sleep(20);
  }
}

/** @param how `at once` as a machine whose power was cut: its connections stay open at their other ends */
async function reboot(host: LabHost, how: 'in order' | 'at once'): Promise<void> {
  const before = await host.pid();
  const flags = how === 'at once' ? ['--force', '--force'] : [];
  // The host may be gone before it is told that the command has ended.
  await host.exec(['systemctl', 'reboot', ...flags], { allowFailure: true }).catch(() => {});
  const end = performance.now() + PATIENCE_MS;
  while ((await host.pid()) === before) {
    if (performance.now() > end) throw new Error(`${host.name} does not go down`);
    await sleep(50);
  }
  await host.start();
}

/** Gives a host the address of another, as in a network of its own: nobody hears of it (ip-sysctl, arp_ignore). */
function secretly(other: LabHost): string {
  return `sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
    ip link add nat0 type bridge && ip addr add ${other.address}/32 dev nat0 && ip link set nat0 up`;
}

/** Makes a host bare again, and takes its node out of the cluster. */
async function taken(host: LabHost): Promise<void> {
  const { exitCode, said } = await kadm('reset', '--force', '--ssh', `root@${host.name}`);
  expect({ exitCode, said: exitCode === 0 ? '' : said }).toEqual({ exitCode: 0, said: '' });
  // An API server that has just started knows no roles yet.
  const remove = async (): Promise<number> =>
    (await kubectl.attempt(['delete', 'node', host.name, '--ignore-not-found'])).exitCode;
  await expect.poll(remove, { timeout: PATIENCE_MS, interval: 1_000 }).toBe(0);
}

test('a firewall that drops 6443, an address that another has, and a copy of a machine are named', async () => {
  // There is no firmware to give a lab host a name: a copy of /sys/class has one.
  const uuid = `mkdir /run/class && cp -dR --no-preserve=all /sys/class/net /run/class && mkdir -p /run/class/dmi/id
    echo 4C4C4544-0042 >/run/class/dmi/id/product_uuid && mount --bind /run/class /sys/class`;
  await Promise.all([on(h3, uuid), on(h4, uuid)]);
  await on(h3, `iptables -A OUTPUT -p tcp --dport 6443 -d ${h2.address} -j DROP`);
  await on(h4, secretly(h2));
  const { exitCode, said } = await up(...ALL);
  expect(said).toMatch(
    /h3: cannot reach the API server at https:\/\/\S+:6443: no answer within 15 s\n +check the address, and that nothing between drops its port/,
  );
  expect(said).toContain(`h4: its node IP would be ${h2.address}, which is that of h2; nothing was changed`);
  await expect(access(`${h4.rootfs}${STATE_DIRECTORY}`)).rejects.toThrow();
  expect(said).toMatch(/it has the product UUID of h[34], as copies of one machine have/);
  expect(exitCode).toBe(4);
  await on(h3, 'iptables -F OUTPUT; umount -l /sys/class');
  await on(h4, 'ip link del nat0; umount -l /sys/class');
  await taken(h3);
});

test('a worker that is rebooted, and another whose network is cut for 20 s', async () => {
  const cut = `nft -f - <<'END'
    table inet cut {
      chain in { type filter hook input priority -300; policy drop; iifname lo accept; }
      chain out { type filter hook output priority -300; policy drop; oifname lo accept; }
    }
END
    sleep 20; nft delete table inet cut`;
  const running = up(...ALL);
  await Promise.all([
    inTheMiddle(h3).then(() => reboot(h3, 'in order')),
    inTheMiddle(h4).then(() => on(h4, cut)),
  ]);
  const { exitCode, said } = await running;
  await endsWell();
  expect({ exitCode, said }).toEqual({ exitCode: 4, said: expect.stringMatching(/^ *h3 +failed /m) });
  // What waits for an answer at that moment may give up before, and is told as any other failure.
  expect(said).toMatch(/^ *h4 +(done|failed) /m);
  expect(said).not.toContain('a bug of kadm');
});

test('an address of a node is not given to another host', async () => {
  await taken(h4);
  await on(h4, `${secretly(h3)}; ip route add ${h2.address} dev eth0 src ${h3.address}`);
  const { exitCode, said } = await up(...ALL);
  await on(h4, 'ip link del nat0');
  expect({ exitCode, said }).toEqual({
    exitCode: 4,
    said: expect.stringContaining(
      `h4: its node IP would be ${h3.address}, which is that of node h3; nothing was changed`,
    ),
  });
});

// In order it takes 90 s more: a kube-apiserver whose etcd went first does not end before systemd kills it.
test('a control plane that is rebooted while a worker joins', async () => {
  const running = up(...ALL);
  await inTheMiddle(h4);
  await reboot(h2, 'at once');
  const { exitCode, said } = await running;
  await endsWell();
  // It may also be back before anything gives up.
  if (exitCode !== 0) expect(said).toMatch(/^ *h[24] +failed /m);
});

test('kadm that is killed while a worker joins', async () => {
  await taken(h4);
  const running = up(...ALL);
  await inTheMiddle(h4);
  await on(h1, 'pkill -9 -f "^kadm up"');
  const { exitCode } = await running;
  await endsWell();
  expect(exitCode).not.toBe(0);
});

test('kadm that falls silent, as on a machine without its network: no host waits for it', async () => {
  const all = [h2, h3, h4];
  const ssh = all.flatMap(({ name }) => ['--ssh', `root@${name}`]);
  expect(await kadm('reset', '--force', ...ssh)).toMatchObject({ exitCode: 0 });
  const running = up(...ALL);
  await inTheMiddle(h4);
  await on(h1, 'pkill -STOP -f "^kadm up"');
  const atWork = async (): Promise<string[]> =>
    await Promise.all(all.map((host) => on(host, 'pgrep -fa "^\\S*kadm (init|join|welcome)" || true')));
  expect(await atWork()).toEqual([
    expect.stringContaining('kadm welcome'),
    expect.stringContaining('kadm join'),
    expect.stringContaining('kadm join'),
  ]);
  await expect.poll(atWork, { timeout: PATIENCE_MS, interval: 1_000 }).toEqual(['', '', '']);
  await on(h1, 'pkill -KILL -f "^kadm up"');
  expect((await running).exitCode).not.toBe(0);
  await endsWell();
});
