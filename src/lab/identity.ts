import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { runCommand } from '../host/command.ts';
import { exists, LocalHost } from '../host/host.ts';
import { CONFIG_PATH, hostConfig } from './host-config.ts';
import type { Machine } from './machine.ts';
import { hostPaths, labPaths } from './paths.ts';
import { gatewayOf, type HostAddress, hostsOf, type LabRecord } from './record.ts';

/** What makes the hosts of a lab know each other: keys, in OpenSSH's own formats. */
export interface LabKeys {
  readonly privateKey: string;
  readonly publicKey: string;
  /** One line a host, its name and its address. */
  readonly knownHosts: string;
}

export interface HostFile {
  /** Absolute, as the host sees it. */
  readonly path: string;
  readonly content: string;
  readonly mode: number;
}

/** Makes what is missing of a lab's keys: one pair that opens all hosts, and a key for each host to be known by. */
export async function ensureKeys(record: LabRecord): Promise<LabKeys> {
  const paths = labPaths(record.name);
  await ensureKeyPair(paths.sshKey, `root of kadm lab ${record.name}`);
  const lines: string[] = [];
  for (const host of hostsOf(record)) {
    const { hostKey } = hostPaths(record.name, host.name);
    await ensureKeyPair(hostKey, host.name);
    lines.push(knownHostsLine(host, await readFile(`${hostKey}.pub`, 'utf8')));
  }
  const knownHosts = lines.join('');
  await new LocalHost().writeFile(paths.knownHosts, knownHosts, { mode: 0o600 });
  const [privateKey, publicKey] = await Promise.all([
    readFile(paths.sshKey, 'utf8'),
    readFile(`${paths.sshKey}.pub`, 'utf8'),
  ]);
  return { privateKey, publicKey, knownHosts };
}

/** sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"; the key file's comment is left out. */
export function knownHostsLine(host: HostAddress, publicKey: string): string {
  const [type, key] = publicKey.trim().split(' ');
  return `${host.name},${host.address} ${type} ${key}\n`;
}

/** The files that make a copy of the root filesystem this host. h1 can reach the others by SSH. */
export function hostFiles(record: LabRecord, host: HostAddress, keys: LabKeys, machine: Machine): HostFile[] {
  const names = hostsOf(record).map((one) => `${one.address} ${one.name}\n`);
  const files: HostFile[] = [
    { path: '/etc/hostname', content: `${host.name}\n`, mode: 0o644 },
    { path: '/etc/hosts', content: `127.0.0.1 localhost\n::1 localhost\n${names.join('')}`, mode: 0o644 },
    { path: '/etc/resolv.conf', content: `nameserver ${gatewayOf(record)}\n`, mode: 0o644 },
    { path: '/etc/machine-id', content: `${randomBytes(16).toString('hex')}\n`, mode: 0o444 },
    { path: '/root/.ssh/authorized_keys', content: keys.publicKey, mode: 0o600 },
    { path: CONFIG_PATH, content: hostConfig(machine, record.store !== undefined), mode: 0o600 },
  ];
  if (host.name !== hostsOf(record)[0]?.name) return files;
  return [
    ...files,
    { path: '/root/.ssh/id_ed25519', content: keys.privateKey, mode: 0o600 },
    { path: '/root/.ssh/id_ed25519.pub', content: keys.publicKey, mode: 0o644 },
    { path: '/root/.ssh/known_hosts', content: keys.knownHosts, mode: 0o600 },
  ];
}

/**
 * Writes a host's own files onto its mounted disk, once: what the host makes of them later is kept.
 * @param rootfs where the disk is mounted
 */
export async function writeIdentity(
  record: LabRecord,
  host: HostAddress,
  keys: LabKeys,
  machine: Machine,
): Promise<void> {
  const paths = hostPaths(record.name, host.name);
  if (await exists(paths.prepared)) return;
  const key = await readFile(paths.hostKey, 'utf8');
  const publicKey = await readFile(`${paths.hostKey}.pub`, 'utf8');
  const files = [
    ...hostFiles(record, host, keys, machine),
    { path: '/etc/ssh/ssh_host_ed25519_key', content: key, mode: 0o600 },
    { path: '/etc/ssh/ssh_host_ed25519_key.pub', content: publicKey, mode: 0o644 },
  ];
  const local = new LocalHost();
  for (const file of files) {
    const target = `${paths.rootfs}${file.path}`;
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    await local.writeFile(target, file.content, { mode: file.mode });
  }
  await chmod(`${paths.rootfs}/root/.ssh`, 0o700);
  await local.writeFile(paths.prepared, '', { mode: 0o600 });
}

async function ensureKeyPair(path: string, comment: string): Promise<void> {
  // ssh-keygen writes the public half last.
  if (await exists(`${path}.pub`)) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rm(path, { force: true });
  await runCommand(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path]);
}
