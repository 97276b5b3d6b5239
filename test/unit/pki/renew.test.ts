import { createPublicKey, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Authority, issueAuthority, issueLeaf } from '../../../src/pki/issue.ts';
import { generateKeyPair, type KeyAlgorithm, privateKeyPem } from '../../../src/pki/keys.ts';
import { algorithmOf, type Pair, renewPair } from '../../../src/pki/renew.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const LATER = new Date('2028-01-01T00:00:00Z');
const DAY = 86_400;
const SPEC = {
  path: '/etc/kubernetes/pki/etcd/server.crt',
  subject: { commonName: 'h1', organizations: ['one', 'two'] },
  usages: ['server', 'client'],
  names: { dns: ['h1', 'localhost'], ips: ['192.0.2.1', 'fd00::1'] },
} as const;

async function newAuthority(): Promise<Authority> {
  const { privateKey: key } = await generateKeyPair('ECDSA-P256');
  return { path: '/etc/kubernetes/pki/etcd/ca.crt', certPem: issueAuthority('etcd-ca', key, NOW), key };
}

async function newLeaf(issuer: Authority, algorithm: KeyAlgorithm, validitySeconds: number): Promise<Pair> {
  const { privateKey: key } = await generateKeyPair(algorithm);
  const certPem = issueLeaf(issuer, { ...SPEC, key, validitySeconds }, NOW);
  return { path: SPEC.path, certPem, keyPem: privateKeyPem(key) };
}

const facts = ({ certPem, keyPem }: Pair): object => {
  const { subject, subjectAltName, keyUsage, publicKey, ca } = new X509Certificate(certPem);
  return {
    subject,
    subjectAltName,
    keyUsage,
    ca,
    algorithm: algorithmOf(publicKey),
    fits: fits(certPem, keyPem),
  };
};
const fits = (certPem: string, keyPem: string): boolean =>
  createPublicKey(keyPem).equals(new X509Certificate(certPem).publicKey);
const lifeSeconds = ({ certPem }: Pair): number => {
  const { validFromDate, validToDate } = new X509Certificate(certPem);
  return (validToDate.getTime() - validFromDate.getTime()) / 1000;
};

let authority: Authority;
beforeAll(async () => {
  authority = await newAuthority();
});

describe('a renewed certificate', () => {
  test.each<KeyAlgorithm>(['ECDSA-P256', 'ECDSA-P384', 'RSA-2048'])(
    'is for the same subject, names and uses, with a new key of the same kind (%s)',
    async (algorithm) => {
      const old = await newLeaf(authority, algorithm, 90 * DAY);
      const renewed = await renewPair(authority, old, {}, LATER);
      expect(facts(renewed)).toEqual({ ...facts(old), algorithm, fits: true });
      expect(renewed.keyPem).not.toBe(old.keyPem);
      expect(
        new X509Certificate(renewed.certPem).verify(new X509Certificate(authority.certPem).publicKey),
      ).toBe(true);
    },
  );

  test.each([90 * DAY, 5400])('is valid for as long as the old one, from now on (%i s)', async (seconds) => {
    const renewed = await renewPair(authority, await newLeaf(authority, 'ECDSA-P256', seconds), {}, LATER);
    expect(lifeSeconds(renewed)).toBe(seconds + 300);
    expect(new X509Certificate(renewed.certPem).validToDate.getTime()).toBe(LATER.getTime() + seconds * 1000);
  });

  test('has another kind of key, or another life, when that is asked for', async () => {
    const old = await newLeaf(authority, 'ECDSA-P256', 90 * DAY);
    const renewed = await renewPair(
      authority,
      old,
      { keyAlgorithm: 'RSA-2048', validitySeconds: DAY },
      LATER,
    );
    expect(facts(renewed)).toMatchObject({ algorithm: 'RSA-2048' });
    expect(lifeSeconds(renewed)).toBe(DAY + 300);
  });

  test('does not outlive its authority', async () => {
    const old = await newLeaf(authority, 'ECDSA-P256', 90 * DAY);
    const end = new X509Certificate(authority.certPem).validToDate;
    const renewed = await renewPair(authority, old, {}, new Date(end.getTime() - DAY * 1000));
    expect(new X509Certificate(renewed.certPem).validToDate).toEqual(end);
  });

  test('comes from the authority of the old one only', async () => {
    const old = await newLeaf(await newAuthority(), 'ECDSA-P256', DAY);
    await expect(renewPair(authority, old, {}, NOW)).rejects.toThrow(
      `${SPEC.path} is not signed by /etc/kubernetes/pki/etcd/ca.crt`,
    );
  });
});
