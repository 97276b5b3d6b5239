import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { NETWORK_MANAGER_SETTINGS } from '../../src/cni/network-manager.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { unpackPackages } from './support/debian-packages.ts';
import { Kubectl } from './support/kubectl.ts';
import { type Endpoint, pausePod, reaches, Stream } from './support/pod-network.ts';
import { networkState, Repairs } from './support/repairs.ts';

/*
 * A worker h2 whose interface NetworkManager has, as on many distributions, and a master h1 without it. What
 * NetworkManager does to the devices and routes of kadm's network comes back, or is not done at all.
 */
const LAB = 'test-nm';
const VERB_TIMEOUT_MS = 300_000;
const RATE = 1_000;
const FULL = 1_422;
const WITHOUT_SETTINGS = `${NETWORK_MANAGER_SETTINGS}.away`;

/** NetworkManager and the libraries that a host lacks for it. */
const PACKAGES = [
  ...['network-manager', 'libnm0', 'libglib2.0-0', 'libndp0', 'libpsl5', 'libjansson4', 'libffi8'],
  ...['libreadline8', 'libunistring2', 'libcurl3-gnutls', 'libnghttp2-14', 'librtmp1', 'libssh2-1'],
  ...['libldap-2.5-0', 'libsasl2-2', 'libbrotli1', 'libgnutls30', 'libp11-kit0', 'libtasn1-6'],
] as const;

let lab: Lab;
let h1: LabHost;
let h2: LabHost;
let onH1: Endpoint;
let onH2: Endpoint;
const repairs = new Repairs();

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 2);
  [h1, h2] = [lab.host('h1'), lab.host('h2')];
  await startNetworkManager();
  await kadm('init');
});

afterAll(async () => {
  repairs.print();
  await removeLab(LAB);
});

async function startNetworkManager(): Promise<void> {
  await unpackPackages(PACKAGES, h2.rootfs);
  const { rootfs, address } = h2;
  const connections = `${rootfs}/etc/NetworkManager/system-connections`;
  await mkdir(connections, { recursive: true });
  await mkdir(`${rootfs}/etc/NetworkManager/conf.d`, { recursive: true });
  const profile = [
    '[connection]',
    'id=lan',
    'type=ethernet',
    'interface-name=eth0',
    '[ipv4]',
    'method=manual',
  ];
  const text = [...profile, `address1=${address}/24,${lab.gateway}`, '[ipv6]', 'method=disabled', ''].join(
    '\n',
  );
  await writeFile(`${connections}/lan.nmconnection`, text, { mode: 0o600 });
  // What others set is added to: were it dropped, NetworkManager would take this one.
  await appendFile(
    `${rootfs}/etc/NetworkManager/NetworkManager.conf`,
    '[keyfile]\nunmanaged-devices=interface-name:other0\n',
  );
  // It waits for links until udev has seen them, unless /sys cannot be written; and no udev runs in a lab host.
  const unit = `${rootfs}/etc/systemd/system/NetworkManager.service.d`;
  await mkdir(unit);
  await writeFile(`${unit}/lab.conf`, '[Service]\nReadOnlyPaths=/sys\n');
  await sh(
    `systemctl daemon-reload; systemctl reload dbus
     ip link add other0 type bridge; ip link set other0 up
     systemctl start NetworkManager
     nmcli connection up id lan`,
  );
}

async function kadm(...words: string[]): Promise<string> {
  return (await h1.exec(['kadm', ...words], { timeoutMs: VERB_TIMEOUT_MS })).stdout;
}

async function sh(script: string): Promise<string> {
  return (await h2.exec(['sh', '-e', '-c', script])).stdout;
}

async function said(since: number): Promise<string> {
  const from = `--since=@${(since / 1000).toFixed(3)}`;
  return (await h2.exec(['journalctl', '--unit=kadm-agent', '--output=cat', '--no-pager', from])).stdout;
}

/** What NetworkManager says of its devices, without those of the lab's own. */
async function managed(): Promise<string[]> {
  const lines = (await sh('nmcli --terse --fields DEVICE,STATE device')).trim().split('\n');
  return lines.filter((line) => !line.startsWith('lo:')).sort();
}

const LEFT_ALONE = [
  'cni0:unmanaged',
  'eth0:connected',
  'flannel.1:unmanaged',
  'other0:unmanaged',
  expect.stringMatching(/^veth[0-9a-f]{8}:unmanaged$/),
];

test('a dry join shows that NetworkManager is to leave the devices of pods alone', async () => {
  const token = (await kadm('token', 'create', '--print-join-command')).trim().split(' ');
  const { stdout } = await h2.exec([...token, '--dry-run'], { timeoutMs: VERB_TIMEOUT_MS });
  expect(stdout).toMatch(new RegExp(`^create ${NETWORK_MANAGER_SETTINGS} `, 'm'));
  expect(stdout).toMatch(/^run systemctl reload NetworkManager\.service$/m);
  expect(await sh('ls /etc/NetworkManager/conf.d')).toBe('');
});

test('join makes it do so, beside what others set', async () => {
  await kadm('join', '--ssh', 'root@h2');
  const kubectl = new Kubectl(h1);
  await kubectl.run('wait', '--for=create', 'serviceaccount/default', '--timeout=30s');
  [onH1, onH2] = await Promise.all([pausePod(kubectl, h1), pausePod(kubectl, h2)]);
  await expect.poll(managed, { timeout: 5_000 }).toEqual(LEFT_ALONE);
});

describe('NetworkManager touches nothing of the network', () => {
  it('when it reloads and starts anew: no packet of 1,000 a second is lost', async () => {
    const state = await networkState(h2);
    const since = Date.now();
    const stream = await Stream.udp(onH1, onH2, RATE);
    await sh('nmcli general reload; nmcli device reapply eth0; systemctl restart NetworkManager');
    await expect.poll(managed, { timeout: 10_000 }).toEqual(LEFT_ALONE);
    await sleep(2_000);
    const report = await stream.end();
    process.stdout.write(
      `NetworkManager reloaded under ${report.received} packets: ${JSON.stringify(report)}\n`,
    );
    expect(report.received).toBeGreaterThan(RATE);
    expect(report.lost).toBe(0);
    expect(await networkState(h2)).toBe(state);
    expect(await said(since)).not.toContain('brought up to date');
  });

  it('when networking is switched off: pods stay plugged in, and are back with the host', async () => {
    const ports =
      "ip -o link show master cni0 | grep -c veth; ip -4 -o address show dev cni0 | awk '{print $4}'";
    const plugged = await sh(ports);
    await repairs.expectAfter(
      'networking switched off and on',
      async () => {
        await sh('nmcli networking off');
        expect(await sh(ports)).toBe(plugged);
        await sh('nmcli networking on');
      },
      () => reaches(onH1, onH2.address, FULL),
    );
  });

  it('but the routes by its own interface: those come back', async () => {
    await kadm('network', 'set', '--backend', 'host-gw');
    const route = (): Promise<string> => sh('ip route show proto 75');
    const wanted = await route();
    expect(wanted).toMatch(/ dev eth0 $/m);
    const since = Date.now();
    await repairs.expectAfter(
      'the connection of eth0 activated anew, with host-gw',
      () => sh('nmcli connection up id lan'),
      async () => (await route()) === wanted && (await reaches(onH1, onH2.address, FULL)),
    );
    await expect.poll(() => said(since), { timeout: 10_000 }).toContain('ip route replace');
    await repairs.expectAfter(
      'NetworkManager started anew, with host-gw',
      () => sh('nmcli device reapply eth0; systemctl restart NetworkManager'),
      async () => (await route()) === wanted && (await reaches(onH1, onH2.address, FULL)),
    );
    await kadm('network', 'set', '--backend', 'vxlan');
  });
});

describe('a NetworkManager that was not told', () => {
  it('takes the devices for its own', async () => {
    await sh(`mv ${NETWORK_MANAGER_SETTINGS} ${WITHOUT_SETTINGS}; systemctl restart NetworkManager`);
    const all = expect.arrayContaining(['cni0:connected (externally)', 'flannel.1:connected (externally)']);
    await expect.poll(managed, { timeout: 10_000 }).toEqual(all);
  });

  afterAll(async () => {
    await sh(`mv ${WITHOUT_SETTINGS} ${NETWORK_MANAGER_SETTINGS}; systemctl reload NetworkManager`);
  });

  it.each([
    ['the tunnel disconnected', 'nmcli device disconnect flannel.1'],
    ['the bridge of the pods disconnected', 'nmcli device disconnect cni0'],
    ['all networking switched off and on', 'nmcli networking off; nmcli networking on'],
  ])('and what it does to them is mended: %s', async (name, fault) => {
    const state = await networkState(h2);
    const since = Date.now();
    await repairs.expectAfter(
      name,
      () => sh(fault),
      async () => (await networkState(h2)) === state && (await reaches(onH1, onH2.address, FULL)),
    );
    await expect.poll(() => said(since), { timeout: 10_000 }).toContain('brought up to date');
  });
});

test('reset gives NetworkManager back what it was kept from', async () => {
  await kadm('reset', '--ssh', 'root@h2', '--force');
  expect(await sh('ls /etc/NetworkManager/conf.d')).toBe('');
  await sh('ip link add cni0 type bridge; ip link set cni0 up; ip address add 10.99.0.1/24 dev cni0');
  const left = ['cni0:connected (externally)', 'eth0:connected', 'other0:unmanaged'];
  await expect.poll(managed, { timeout: 10_000 }).toEqual(left);
});
