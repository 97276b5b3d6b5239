import { mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cacheDirectory } from '../../src/components/cache.ts';
import { runCommand } from '../../src/host/command.ts';
import { LocalHost } from '../../src/host/host.ts';
import { sha256File } from '../../src/host/large-file.ts';
import { createLab, type Lab, listLabs, openLab } from '../../src/lab/lab.ts';
import { unmountAll } from '../../src/lab/mounts.ts';
import { removeNetwork } from '../../src/lab/network.ts';
import { labPaths } from '../../src/lab/paths.ts';
import { killLab } from '../../src/lab/processes.ts';
import { bareLab, Recorder, removeLab } from './bare-lab.ts';
import { type MachineSnapshot, takeSnapshot } from './machine-snapshot.ts';

const NAME = 'test-bare';
const OTHER = 'test-second-lab-with-a-long-name';

describe('a bare lab', () => {
  let before: MachineSnapshot;
  let lab: Lab;

  beforeAll(async () => {
    await removeLab(NAME);
    await removeLab(OTHER);
    before = await takeSnapshot([NAME, OTHER]);
    lab = await bareLab(NAME, 2);
  });
  afterAll(async () => {
    await removeLab(NAME);
    await removeLab(OTHER);
  });

  test('has hosts that have started whole: systemd knows of no failed unit', async () => {
    for (const host of lab.hosts) {
      const state = await host.exec(['systemctl', 'is-system-running', '--wait'], { allowFailure: true });
      const failed = await host.exec(['systemctl', '--failed', '--no-legend']);
      expect(`${state.stdout}${failed.stdout}`).toBe('running\n');
    }
  });

  test('passes on what a program in a host reads, writes and exits with', async () => {
    const result = await lab.host('h1').exec(['sh', '-c', 'cat; echo no >&2; exit 7'], {
      input: 'over there',
      allowFailure: true,
    });
    expect(result).toEqual({ stdout: 'over there', stderr: 'no\n', exitCode: 7 });
  });

  test('gives each host a name and a machine id of its own', async () => {
    const words = await Promise.all(
      lab.hosts.map((host) => host.exec(['cat', '/etc/machine-id', '/etc/hostname'])),
    );
    const [one, two] = words.map(({ stdout }) => stdout.trim().split('\n'));
    expect([one?.[1], two?.[1]]).toEqual(['h1', 'h2']);
    expect(one?.[0]).not.toBe(two?.[0]);
  });

  test('can be reached by SSH from the machine, with host keys that are verified', async () => {
    const ssh = [
      'ssh',
      '-F',
      'none',
      '-i',
      lab.sshKey,
      '-o',
      'BatchMode=yes',
      '-o',
      'StrictHostKeyChecking=yes',
    ];
    const target = `root@${lab.host('h2').address}`;
    const known = await runCommand([
      ...ssh,
      '-o',
      `UserKnownHostsFile=${lab.knownHosts}`,
      target,
      'hostname',
    ]);
    expect(known.stdout).toBe('h2\n');
    const unknown = await runCommand([...ssh, '-o', 'UserKnownHostsFile=/dev/null', target, 'hostname'], {
      allowFailure: true,
    });
    expect(unknown.exitCode).toBe(255);
  });

  test('lets its first host reach the others by name and SSH', async () => {
    const ssh = ['ssh', '-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=yes'];
    const { stdout } = await lab.host('h1').exec([...ssh, 'root@h2', 'hostname']);
    expect(stdout).toBe('h2\n');
    const back = await lab.host('h2').exec([...ssh, 'root@h1', 'hostname'], { allowFailure: true });
    expect(back.exitCode).toBe(255);
  });

  test('carries full frames between its hosts', async () => {
    const { address } = lab.host('h2');
    // 1472 and 28 bytes of headers are the MTU of 1500.
    const ping = (size: string): string[] => ['ping', '-c', '1', '-W', '2', '-M', 'do', '-s', size, address];
    expect((await lab.host('h1').exec(ping('1472'))).exitCode).toBe(0);
    expect((await lab.host('h1').exec(ping('1473'), { allowFailure: true })).exitCode).not.toBe(0);
  });

  test('that runs is left as it is by a second `lab up`', async () => {
    const pids = await Promise.all(lab.hosts.map((host) => host.pid()));
    const recorder = new Recorder();
    await createLab({ name: NAME, cacheDirectory: cacheDirectory(), emit: recorder.emit });
    expect(await Promise.all(lab.hosts.map((host) => host.pid()))).toEqual(pids);
    expect(recorder.note('hosts')).toBe('run already');
    await expect(bareLab(NAME, 3)).rejects.toThrow(`lab ${NAME} has 2 hosts, not 3`);
  });

  test('keeps a disk over a power cut', async () => {
    const host = lab.host('h2');
    const pid = await host.pid();
    await host.exec([
      'sh',
      '-c',
      'echo kept > /root/file; echo kept > /var/lib/etcd/file; echo lost > /run/file; sync',
    ]);
    await host.kill();
    expect(await host.pid()).toBeUndefined();
    await expect(host.exec(['true'])).rejects.toThrow('host h2 of lab test-bare is switched off');
    await host.start();
    expect(await host.pid()).not.toBe(pid);
    const { stdout } = await host.exec(['sh', '-c', 'cat /root/file /var/lib/etcd/file; ls /run/file 2>&1'], {
      allowFailure: true,
    });
    expect(stdout).toMatch(/^kept\nkept\n.*No such file/);
  });

  test('brings a host back that reboots, and leaves one off that is switched off', async () => {
    const host = lab.host('h2');
    const pid = await host.pid();
    // A boot has an identifier of its own, and systemd takes away by it what an earlier one left in /var/tmp.
    const bootAndLeftovers = [
      'sh',
      '-c',
      "tr -d - </proc/sys/kernel/random/boot_id; ls /var/tmp | sed -n 's/^systemd-private-\\([0-9a-f]*\\).*/\\1/p'",
    ];
    const before = (await host.exec(bootAndLeftovers)).stdout.slice(0, 32);
    await host.exec(['mkdir', `/var/tmp/systemd-private-${before}-cut.service-aB3dE9`]);
    await host.exec(['systemctl', 'reboot']);
    await expect.poll(async () => (await host.pid()) ?? pid, { timeout: 20_000 }).not.toBe(pid);
    await host.waitUntilUp();
    await host.exec(['systemctl', 'is-system-running', '--wait']);
    expect((await host.exec(bootAndLeftovers)).stdout).not.toContain(before);
    await host.exec(['systemctl', 'poweroff']);
    await expect.poll(() => host.pid(), { timeout: 20_000 }).toBeUndefined();
    await bareLab(NAME, 2);
    expect(await host.pid()).toBeDefined();
  });

  test('comes up again with its disks after the machine itself was switched off', async () => {
    await lab.host('h1').exec(['sh', '-c', 'echo kept > /root/over-reboot; sync']);
    // What the end of a machine does to a lab: no processes, namespaces or mounts, but all files.
    await killLab(NAME);
    await removeNetwork(NAME);
    await unmountAll(new LocalHost(), labPaths(NAME).directory);
    expect(await lab.host('h1').pid()).toBeUndefined();
    await bareLab(NAME, 2);
    expect((await lab.host('h1').exec(['cat', '/root/over-reboot'])).stdout).toBe('kept\n');
    expect((await lab.host('h1').exec(['ssh', '-o', 'BatchMode=yes', 'root@h2', 'hostname'])).stdout).toBe(
      'h2\n',
    );
  });

  test('stands beside another one, apart from it, and outlives it', async () => {
    const other = await bareLab(OTHER, 1);
    const address = other.host('h1').address;
    expect(address).not.toBe(lab.host('h1').address);
    expect((await other.host('h1').exec(['hostname'])).stdout).toBe('h1\n');
    const ping = await lab.host('h1').exec(['ping', '-c', '1', '-W', '1', address], { allowFailure: true });
    expect(ping.exitCode).not.toBe(0);
    const names = (await listLabs()).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining([NAME, OTHER]));
    await removeLab(OTHER);
    expect(await openLab(OTHER)).toBeUndefined();
    expect((await lab.host('h1').exec(['hostname'])).stdout).toBe('h1\n');
  });

  test('has cost its root filesystem nothing: hosts write elsewhere', async () => {
    const { stdout } = await lab.host('h1').exec(['sha256sum', '/usr/bin/ls']);
    await lab.host('h1').exec(['sh', '-c', 'echo changed > /usr/bin/ls']);
    expect(await sha256File(`${lab.host('h2').rootfs}/usr/bin/ls`)).toBe(stdout.split(' ')[0]);
  });

  test('gets the executable of a `lab up` that is newer than it, and keeps the one it has otherwise', async () => {
    const folder = await mkdtemp(`${tmpdir()}/kadm-tools-`);
    const tools = `${folder}/kadm`;
    const up = async (): Promise<string | undefined> => {
      const recorder = new Recorder();
      await createLab({ name: NAME, cacheDirectory: cacheDirectory(), tools, emit: recorder.emit });
      return recorder.note('hosts');
    };
    await writeFile(tools, '#!/bin/sh\necho one\n', { mode: 0o755 });
    expect(await up()).toContain('kadm on them is now this one');
    expect(await up()).toBe('run already');
    expect((await lab.host('h2').exec(['kadm'])).stdout).toBe('one\n');
    await writeFile(`${tools}.new`, '#!/bin/sh\necho two and more\n', { mode: 0o755 });
    await rename(`${tools}.new`, tools);
    await up();
    expect((await lab.host('h1').exec(['kadm'])).stdout).toBe('two and more\n');
    await rm(folder, { recursive: true });
  });

  test('in which something of the machine is busy is told as such, and removed once that has ended', async () => {
    await bareLab(OTHER, 1);
    const { rootfs } = (await openLab(OTHER))?.host('h1') ?? { rootfs: '' };
    const busy = await open(`${rootfs}/etc/hostname`, 'r');
    try {
      await expect(removeLab(OTHER)).rejects.toThrow(`mount ${rootfs}, which something uses`);
      expect((await listLabs()).map(({ name }) => name)).toContain(OTHER);
    } finally {
      await busy.close();
    }
    await removeLab(OTHER);
    expect(await openLab(OTHER)).toBeUndefined();
  });

  test('leaves the machine as it was', async () => {
    await lab.host('h1').exec(['sh', '-c', 'mount -t tmpfs none /mnt; sleep 1000 > /dev/null 2>&1 &']);
    await removeLab(NAME);
    expect(await takeSnapshot([NAME, OTHER])).toEqual(before);
    await removeLab(NAME);
  });
});

describe('the comparison that these tests rely on', () => {
  test.each<[string, string[], string[]]>([
    [
      'a network interface',
      ['ip', 'link', 'add', 'planted', 'type', 'bridge'],
      ['ip', 'link', 'del', 'planted'],
    ],
    ['a file', ['touch', '/var/lib/kadm-planted'], ['rm', '/var/lib/kadm-planted']],
    ['a mount', ['mount', '--bind', '/mnt', '/mnt'], ['umount', '/mnt']],
    [
      'a kernel setting',
      ['sysctl', '-q', '-w', 'vm.swappiness=61'],
      ['sysctl', '-q', '-w', 'vm.swappiness=60'],
    ],
  ])('notices %s that is left', async (_, plant, remove) => {
    const before = await takeSnapshot([NAME, OTHER]);
    await runCommand(plant);
    const planted = await takeSnapshot([NAME, OTHER]);
    await runCommand(remove);
    expect(planted).not.toEqual(before);
  });
});
