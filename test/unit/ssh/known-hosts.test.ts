import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  checkHostKey,
  fingerprint,
  keyType,
  knownHostName,
  knownKeyTypes,
  parseKnownHosts,
} from '../../../src/ssh/known-hosts.ts';

function key(type: string, content: string): Buffer {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([length, name, Buffer.from(content)]);
}

const ours = key('ssh-ed25519', 'ours');
const other = key('ssh-ed25519', 'other');
const line = (patterns: string, of: Buffer): string => `${patterns} ${keyType(of)} ${of.toString('base64')}`;

function verdict(text: string, name: string, shown: Buffer): unknown {
  return checkHostKey(parseKnownHosts(text), name, shown).kind;
}

describe('checkHostKey', () => {
  it('knows a host by name, by one of several names, and by pattern', () => {
    expect(verdict(line('h1', ours), 'h1', ours)).toBe('known');
    expect(verdict(line('h1,10.0.0.1', ours), '10.0.0.1', ours)).toBe('known');
    expect(verdict(line('10.0.0.*', ours), '10.0.0.77', ours)).toBe('known');
    expect(verdict(line('*,!h1', ours), 'h1', ours)).toBe('unknown');
  });

  it('knows a hashed name', () => {
    const salt = Buffer.from('0123456789abcdefghij');
    const digest = createHmac('sha1', salt).update('h1').digest('base64');
    const hashed = line(`|1|${salt.toString('base64')}|${digest}`, ours);
    expect(verdict(hashed, 'h1', ours)).toBe('known');
    expect(verdict(hashed, 'h2', ours)).toBe('unknown');
  });

  it('tells a changed key from an unknown host', () => {
    expect(checkHostKey(parseKnownHosts(line('h1', ours)), 'h1', other)).toEqual({
      kind: 'changed',
      expected: fingerprint(ours),
    });
    expect(verdict(line('h2', ours), 'h1', other)).toBe('unknown');
  });

  it('refuses a revoked key even where it is also listed', () => {
    const text = `${line('h1', ours)}\n@revoked ${line('*', ours)}`;
    expect(verdict(text, 'h1', ours)).toBe('revoked');
  });

  it('does not take an authority for a host key', () => {
    expect(verdict(`@cert-authority ${line('h1', ours)}`, 'h1', ours)).toBe('unknown');
  });

  it('passes over comments and broken lines', () => {
    expect(parseKnownHosts(`# comment\n\nbroken line\n${line('h1', ours)}\n`)).toHaveLength(1);
  });
});

describe('names and keys', () => {
  it('adds the port when it is not 22', () => {
    expect(knownHostName('h1', 22)).toBe('h1');
    expect(knownHostName('h1', 2222)).toBe('[h1]:2222');
  });

  it('lists the key types of a host, to be asked for first', () => {
    const rsa = key('ssh-rsa', 'x');
    expect(knownKeyTypes(parseKnownHosts(`${line('h1', rsa)}\n${line('h2', ours)}`), 'h1')).toEqual([
      'ssh-rsa',
    ]);
  });

  it('shows fingerprints as ssh-keygen does', () => {
    expect(fingerprint(ours)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  });
});
