import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { objection, parseHostCertificate } from '../../../src/ssh/host-certificate.ts';
import { certifiedKey, needsCertificate } from '../../../src/ssh/host-key.ts';
import { parseKnownHosts } from '../../../src/ssh/known-hosts.ts';
import { parseTarget, type SshTarget } from '../../../src/ssh/target.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const VALID = ['-V', '20261101000000Z:20261201000000Z'];
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kadm-certificates-'));
  for (const [name, ...type] of [
    ['ca', 'ed25519'],
    ['ca-ecdsa', 'ecdsa', '-b', '521'],
    ['ca-rsa', 'rsa', '-b', '2048'],
    ['host', 'ed25519'],
    ['host-ecdsa', 'ecdsa', '-b', '384'],
    ['host-rsa', 'rsa', '-b', '2048'],
  ] as const)
    run('ssh-keygen', '-q', '-N', '', '-t', ...type, '-f', join(folder, name));
  // To find the primes takes a busy machine long.
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: 'pipe' });
}

function blobOf(file: string): Buffer {
  return Buffer.from(readFileSync(join(folder, file), 'utf8').split(' ')[1] ?? '', 'base64');
}

/** What ssh-keygen signs. */
function signed(...flags: string[]): Buffer {
  return signedBy('ca', 'host', ['-h', ...VALID, '-n', 'web,*.example.org', ...flags]);
}

function signedBy(ca: string, host: string, flags: readonly string[]): Buffer {
  run('ssh-keygen', '-q', '-s', join(folder, ca), '-I', 'test', ...flags, join(folder, `${host}.pub`));
  return blobOf(`${host}-cert.pub`);
}

function problem(blob: Buffer, host = 'web', now = NOW): string | undefined {
  return objection(parseHostCertificate(blob), host, now);
}

describe('a host certificate', () => {
  it.each([
    ['ca', 'host'],
    ['ca-ecdsa', 'host-rsa'],
    ['ca-rsa', 'host-ecdsa'],
  ])('signed by %s for %s is read, and holds the key of the host', (ca, host) => {
    const flags = ['-h', ...VALID, '-n', 'web'];
    const blob = signedBy(ca, host, flags);
    expect(parseHostCertificate(blob).key).toEqual(blobOf(`${host}.pub`));
    expect(parseHostCertificate(blob).authority).toEqual(blobOf(`${ca}.pub`));
    expect(problem(blob)).toBeUndefined();
  });

  it('signed with RSA is good with SHA-2, and not with SHA-1', () => {
    const flags = ['-h', ...VALID, '-n', 'web'];
    expect(problem(signedBy('ca-rsa', 'host', [...flags, '-t', 'rsa-sha2-256']))).toBeUndefined();
    expect(problem(signedBy('ca-rsa', 'host', [...flags, '-t', 'ssh-rsa']))).toBe('its signature is wrong');
  });

  it('is good for its names and patterns only', () => {
    expect(problem(signed(), 'db.example.org')).toBeUndefined();
    expect(problem(signed(), 'WEB')).toBeUndefined();
    expect(problem(signed(), 'web2')).toBe('it is for web, *.example.org, not for web2');
    const nameless = signedBy('ca', 'host', ['-h', ...VALID]);
    expect(problem(nameless)).toBe('it is for no host by name, not for web');
  });

  it('is good in its time only', () => {
    const blob = signed();
    expect(problem(blob, 'web', Date.parse('2026-10-31T23:59:59Z'))).toMatch(/^it is valid only from/);
    expect(problem(blob, 'web', Date.parse('2026-12-01T00:00:00Z'))).toMatch(/^it has expired at 2026-12-01/);
    const forever = signedBy('ca', 'host', ['-h', '-n', 'web']);
    expect(problem(forever)).toBeUndefined();
  });

  it('of a user is none of a host', () => {
    const user = signedBy('ca', 'host', [...VALID, '-n', 'web']);
    expect(problem(user)).toBe('it is that of a user');
  });

  it('that demands anything is refused', () => {
    expect(problem(signed('-O', 'critical:only-on-sundays=yes'))).toBe('it demands only-on-sundays');
  });

  it('is refused with any byte changed, and cut anywhere', () => {
    const blob = signed();
    for (let at = 0; at < blob.length; at += 1) {
      const changed = Buffer.from(blob);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      let outcome: string | undefined;
      try {
        outcome = problem(changed);
      } catch (error) {
        outcome = String(error);
      }
      expect([at, outcome]).not.toEqual([at, undefined]);
      expect(() => parseHostCertificate(blob.subarray(0, at))).toThrow();
    }
  });
});

describe('an authority in known_hosts', () => {
  const line = (marker: string, patterns: string, file: string): string =>
    `${marker} ${patterns} ssh-ed25519 ${blobOf(file).toString('base64')}`;
  const target = (text: string): SshTarget => parseTarget(text, { sshConfig: '', home: '/home/x', env: {} });
  const certified = (text: string, host = 'root@web'): unknown =>
    certifiedKey(target(host), parseKnownHosts(text), signed(), NOW)?.key;

  it('vouches for the key that it has signed', () => {
    const key = blobOf('host.pub').toString('base64');
    expect(certified(line('@cert-authority', 'web', 'ca.pub'))).toBe(key);
    expect(certified(line('@cert-authority', 'web', 'ca.pub'), 'root@web:2222')).toBe(key);
    expect(certified(line('@cert-authority', '[web]:2222', 'ca.pub'), 'root@web:2222')).toBe(key);
  });

  it('does not vouch for other hosts, nor for what another has signed', () => {
    expect(certified(line('@cert-authority', 'db', 'ca.pub'))).toBeUndefined();
    expect(certified(line('@cert-authority', 'web', 'host-rsa.pub'))).toBeUndefined();
  });

  it('that is revoked does not let anybody in', () => {
    const text = `${line('@cert-authority', 'web', 'ca.pub')}\n${line('@revoked', '*', 'ca.pub')}`;
    expect(() => certified(text)).toThrow(/which known_hosts marks as revoked/);
  });

  it('is asked only where no key of the host is known', () => {
    const authority = line('@cert-authority', 'web', 'ca.pub');
    const needed = (text: string): boolean => needsCertificate(target('root@web'), parseKnownHosts(text));
    expect(needed(authority)).toBe(true);
    expect(needed(`${authority}\n${line('', 'web', 'host.pub')}`)).toBe(false);
    expect(needed('')).toBe(false);
  });
});
