import { createPrivateKey, createPublicKey, verify, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { bytesOf, children, fromDer, toDer } from '../../../src/pki/asn1.ts';
import { generateKeyPair, type KeyAlgorithm, privateKeyPem, publicKeyPem } from '../../../src/pki/keys.ts';
import { type CertificateSpec, createCertificate, createCertificateRequest } from '../../../src/pki/x509.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const LATER = new Date('2027-11-21T12:00:00Z');
const NO_NAMES: { dns: string[]; ips: string[] } = { dns: [], ips: [] };

async function specFor(
  algorithm: KeyAlgorithm,
  over: Partial<CertificateSpec> = {},
): Promise<CertificateSpec> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm);
  return {
    subject: { commonName: 'test' },
    publicKey,
    issuerPem: undefined,
    signer: privateKey,
    isCa: true,
    usages: [],
    names: NO_NAMES,
    notBefore: NOW,
    notAfter: LATER,
    ...over,
  };
}

describe.each<[KeyAlgorithm, string, RegExp]>([
  ['ECDSA-P256', 'ec', /^-----BEGIN EC PRIVATE KEY-----/],
  ['ECDSA-P384', 'ec', /^-----BEGIN EC PRIVATE KEY-----/],
  ['RSA-2048', 'rsa', /^-----BEGIN RSA PRIVATE KEY-----/],
])('with %s', (algorithm, type, label) => {
  test('a key is written in the form of its own kind, and read again', async () => {
    const { privateKey, publicKey } = await generateKeyPair(algorithm);
    expect(privateKey.asymmetricKeyType).toBe(type);
    expect(privateKeyPem(privateKey)).toMatch(label);
    expect(createPrivateKey(privateKeyPem(privateKey)).equals(privateKey)).toBe(true);
    expect(publicKeyPem(publicKey)).toMatch(/^-----BEGIN PUBLIC KEY-----/);
    expect(createPublicKey(publicKeyPem(publicKey)).equals(publicKey)).toBe(true);
  });

  test('an authority signs itself and a leaf, whatever the key of the leaf', async () => {
    const authority = await specFor(algorithm, { subject: { commonName: 'authority' } });
    const caPem = createCertificate(authority);
    const ca = new X509Certificate(caPem);
    expect(ca.verify(ca.publicKey)).toBe(true);
    expect(ca.ca).toBe(true);

    const spec = await specFor('ECDSA-P256', { isCa: false, issuerPem: caPem, signer: authority.signer });
    const leaf = new X509Certificate(createCertificate(spec));
    expect(leaf.verify(ca.publicKey)).toBe(true);
    expect(leaf.checkIssued(ca)).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.publicKey.equals(spec.publicKey)).toBe(true);
  });
});

describe('a certificate', () => {
  test('is valid from and until when it was asked for, beyond 2049 too', async () => {
    const notAfter = new Date('2056-02-29T23:59:58Z');
    const { validFromDate, validToDate } = new X509Certificate(
      createCertificate(await specFor('ECDSA-P256', { notAfter })),
    );
    expect([validFromDate, validToDate]).toEqual([NOW, notAfter]);
  });

  test('has a positive serial number of 16 bytes, each time another', async () => {
    const spec = await specFor('ECDSA-P256');
    const serials = Array.from(
      { length: 20 },
      () => new X509Certificate(createCertificate(spec)).serialNumber,
    );
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
    expect(new Set(serials).size).toBe(20);
  });

  test('carries several groups and names beyond ASCII', async () => {
    const subject = { commonName: 'zoë', organizations: ['kadm:agents', 'kadm:control-plane-agents'] };
    const certificate = new X509Certificate(createCertificate(await specFor('ECDSA-P256', { subject })));
    expect(certificate.toLegacyObject().subject).toMatchObject({ O: subject.organizations, CN: 'zoë' });
  });

  test('is valid for its names and addresses of both families', async () => {
    const names = { dns: ['h1', '*.example.org'], ips: ['192.0.2.1', 'fd00::1'] };
    const certificate = new X509Certificate(createCertificate(await specFor('ECDSA-P256', { names })));
    expect(certificate.subjectAltName).toBe(
      'DNS:h1, DNS:*.example.org, IP Address:192.0.2.1, IP Address:FD00:0:0:0:0:0:0:1',
    );
    expect(certificate.checkHost('api.example.org')).toBe('*.example.org');
    expect(certificate.checkIP('fd00:0::1')).toBe('fd00:0::1');
    expect(certificate.checkIP('192.0.2.2')).toBeUndefined();
  });

  test('names the issuer exactly as the issuer names itself', async () => {
    const subject = { commonName: 'ca', organizations: ['zoë & co'] };
    const authority = await specFor('ECDSA-P256', { subject });
    const caPem = createCertificate(authority);
    const leaf = await specFor('ECDSA-P256', { isCa: false, issuerPem: caPem, signer: authority.signer });
    expect(new X509Certificate(createCertificate(leaf)).issuer).toBe(new X509Certificate(caPem).subject);
  });
});

describe('a certificate request', () => {
  const subject = { commonName: 'kadm:agent:h1', organizations: ['kadm:agents'] };

  test.each<KeyAlgorithm>(['ECDSA-P256', 'RSA-2048'])(
    'is signed with the key that it is for (%s)',
    async (algorithm) => {
      const { publicKey, privateKey } = await generateKeyPair(algorithm);
      const text = createCertificateRequest(subject, NO_NAMES, publicKey, privateKey);
      expect(text).toMatch(/^-----BEGIN CERTIFICATE REQUEST-----\n/);
      const [body, , signature] = children(fromDer(derOf(text)));
      if (body === undefined) throw new Error('no body');
      expect(verify('sha256', toDer(body), publicKey, bytesOf(signature).subarray(1))).toBe(true);
      const [version, , key] = children(body);
      expect(bytesOf(version)).toEqual(Buffer.of(0));
      expect(key === undefined ? undefined : toDer(key)).toEqual(
        publicKey.export({ format: 'der', type: 'spki' }),
      );
    },
  );

  test('asks for names only when it is given some', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ECDSA-P256');
    const requested = (names: { dns: string[]; ips: string[] }): number => {
      const [body] = children(
        fromDer(derOf(createCertificateRequest(subject, names, publicKey, privateKey))),
      );
      return children(children(body)[3]).length;
    };
    expect(requested(NO_NAMES)).toBe(0);
    expect(requested({ dns: ['h1'], ips: ['192.0.2.1'] })).toBe(1);
  });
});

const derOf = (text: string): Buffer => Buffer.from(text.replace(/-----[^-]+-----/g, ''), 'base64');
