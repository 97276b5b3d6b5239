import { expect, test } from 'vitest';
import { hostFiles, knownHostsLine } from '../../../src/lab/identity.ts';
import type { Machine } from '../../../src/lab/machine.ts';
import { hostsOf, type LabRecord } from '../../../src/lab/record.ts';

const RECORD: LabRecord = { name: 'demo', subnet: 77, nodes: 2, rootfs: '/cache/rootfs/x' };
const MACHINE: Machine = { cgroups: 'v2', capabilities: [], shared: [] };
const KEYS = { privateKey: 'PRIVATE', publicKey: 'ssh-ed25519 AAAA\n', knownHosts: 'h1 ...\n' };

const filesOf = (index: number): Map<string, { content: string; mode: number }> => {
  const host = hostsOf(RECORD)[index];
  if (host === undefined) throw new Error('no such host');
  return new Map(hostFiles(RECORD, host, KEYS, MACHINE).map((file) => [file.path, file]));
};

test('a known_hosts line names the host and its address', () => {
  const line = knownHostsLine(
    { name: 'h2', address: '192.168.77.12', ipv6: 'fd6b:6164:6d00:77::12' },
    'ssh-ed25519 AAAAC3 h2\n',
  );
  expect(line).toBe('h2,192.168.77.12 ssh-ed25519 AAAAC3\n');
});

test('every host knows the others by name and lets the lab in', () => {
  expect(filesOf(1).get('/etc/hosts')?.content).toContain('192.168.77.11 h1\n192.168.77.12 h2\n');
  expect(filesOf(1).get('/root/.ssh/authorized_keys')?.content).toBe(KEYS.publicKey);
});

test('only the first host can open the others, and nobody else there can read the key', () => {
  expect(filesOf(0).get('/root/.ssh/id_ed25519')).toMatchObject({ content: 'PRIVATE', mode: 0o600 });
  expect(JSON.stringify([...filesOf(1)])).not.toContain('PRIVATE');
});

test('machine ids are 32 hexadecimal digits, of each host its own', () => {
  const [one, two] = [filesOf(0), filesOf(1)].map((files) => files.get('/etc/machine-id')?.content);
  expect(one).toMatch(/^[0-9a-f]{32}\n$/);
  expect(one).not.toBe(two);
});
