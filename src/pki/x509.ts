import { createHash, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import {
  type Asn1,
  bitString,
  boolean,
  bytesOf,
  children,
  explicit,
  fromDer,
  implicit,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  oidOf,
  pem,
  sequence,
  set,
  time,
  toDer,
  utf8String,
} from './asn1.ts';

export interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
}

export interface Names {
  readonly dns: readonly string[];
  readonly ips: readonly string[];
}

export interface CertificateSpec {
  readonly subject: Subject;
  readonly publicKey: KeyObject;
  /** Undefined for a certificate that signs itself; then `signer` is the key of the certificate. */
  readonly issuerPem: string | undefined;
  readonly signer: KeyObject;
  readonly isCa: boolean;
  readonly usages: readonly ('server' | 'client')[];
  readonly names: Names;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const OID = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  ecdsaWithSha384: '1.2.840.10045.4.3.3',
  rsaWithSha256: '1.2.840.113549.1.1.11',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  extensionRequest: '1.2.840.113549.1.9.14',
} as const;

/** Bits of KeyUsage from the left: digitalSignature 0, keyEncipherment 2, keyCertSign 5 (RFC 5280, 4.2.1.3). */
const KEY_USAGE = { leaf: { byte: 0b1010_0000, unused: 5 }, ca: { byte: 0b1010_0100, unused: 2 } } as const;

/** An X.509 v3 certificate in PEM. */
export function createCertificate(spec: CertificateSpec): string {
  const algorithm = signatureAlgorithm(spec.signer);
  const subject = nameOf(spec.subject);
  const issuer = spec.issuerPem === undefined ? undefined : new X509Certificate(spec.issuerPem);
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    algorithm.identifier(),
    issuer === undefined ? subject : subjectOf(issuer),
    sequence(time(spec.notBefore), time(spec.notAfter)),
    subject,
    spki(spec.publicKey),
    explicit(3, sequence(...extensions(spec, issuer))),
  );
  return pem('CERTIFICATE', signed(body, spec.signer, algorithm));
}

/** A PKCS #10 request in PEM (RFC 2986), signed with the key that it asks a certificate for. */
export function createCertificateRequest(
  subject: Subject,
  names: Names,
  publicKey: KeyObject,
  key: KeyObject,
): string {
  const algorithm = signatureAlgorithm(key);
  const alternative = subjectAltName(names);
  const wanted = alternative === undefined ? [] : [extension(OID.subjectAltName, false, alternative)];
  const attributes =
    wanted.length === 0
      ? explicit(0)
      : explicit(0, sequence(objectIdentifier(OID.extensionRequest), set(sequence(...wanted))));
  const body = sequence(integer(Buffer.from([0])), nameOf(subject), spki(publicKey), attributes);
  return pem('CERTIFICATE REQUEST', signed(body, key, algorithm));
}

/** DER of the SubjectPublicKeyInfo of a certificate: what CA pins are the hash of. */
export function publicKeyInfo(certificatePem: string): Buffer {
  return new X509Certificate(certificatePem).publicKey.export({ format: 'der', type: 'spki' });
}

function signed(body: Asn1, key: KeyObject, algorithm: ReturnType<typeof signatureAlgorithm>): Buffer {
  const signature = sign(algorithm.hash, toDer(body), key);
  return toDer(sequence(body, algorithm.identifier(), bitString(signature)));
}

function signatureAlgorithm(key: KeyObject): { readonly hash: string; readonly identifier: () => Asn1 } {
  if (key.asymmetricKeyType !== 'ec') {
    return { hash: 'sha256', identifier: () => sequence(objectIdentifier(OID.rsaWithSha256), nullValue()) };
  }
  const large = key.asymmetricKeyDetails?.namedCurve === 'secp384r1';
  const oid = large ? OID.ecdsaWithSha384 : OID.ecdsaWithSha256;
  return { hash: large ? 'sha384' : 'sha256', identifier: () => sequence(objectIdentifier(oid)) };
}

/** 127 random bits, so that the number is positive; never zero at its first byte (RFC 5280, 4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function nameOf({ commonName, organizations = [] }: Subject): Asn1 {
  const attribute = (oid: string, value: string): Asn1 =>
    set(sequence(objectIdentifier(oid), utf8String(value)));
  return sequence(
    ...organizations.map((organization) => attribute(OID.organization, organization)),
    attribute(OID.commonName, commonName),
  );
}

/** The subject exactly as the certificate holds it: an issuer's name must match it byte by byte. */
function subjectOf(certificate: X509Certificate): Asn1 {
  const [body] = children(fromDer(certificate.raw));
  const subject = children(body)[5];
  if (subject === undefined) throw new Error('a certificate without a subject');
  return subject;
}

function spki(key: KeyObject): Asn1 {
  return fromDer(key.export({ format: 'der', type: 'spki' }));
}

/** SHA-1 of the public key's bits (RFC 5280, 4.2.1.2, method 1): an identifier, not a protection. */
function keyIdentifier(key: KeyObject): Buffer {
  const [, bits] = children(spki(key));
  return createHash('sha1').update(bytesOf(bits).subarray(1)).digest();
}

/**
 * What an authority's own certificate calls its key, which those that it signs have to repeat (RFC 5280, 4.2.1.1): other
 * programs make it in other ways than kadm, Go by SHA-256.
 */
function identifierOf(authority: X509Certificate): Buffer {
  const [body] = children(fromDer(authority.raw));
  const [list] = children(children(body).at(-1));
  const found = children(list)
    .map(children)
    .find(([oid]) => oidOf(oid) === OID.subjectKeyIdentifier);
  return found === undefined ? keyIdentifier(authority.publicKey) : bytesOf(fromDer(bytesOf(found.at(-1))));
}

function extensions(spec: CertificateSpec, issuer: X509Certificate | undefined): Asn1[] {
  const { byte, unused } = spec.isCa ? KEY_USAGE.ca : KEY_USAGE.leaf;
  const usages = spec.usages.map((one) =>
    objectIdentifier(one === 'server' ? OID.serverAuth : OID.clientAuth),
  );
  const alternative = subjectAltName(spec.names);
  return [
    extension(OID.keyUsage, true, bitString(Buffer.from([byte]), unused)),
    ...(usages.length === 0 ? [] : [extension(OID.extendedKeyUsage, false, sequence(...usages))]),
    extension(OID.basicConstraints, true, spec.isCa ? sequence(boolean(true)) : sequence()),
    ...(spec.isCa
      ? [extension(OID.subjectKeyIdentifier, false, octetString(keyIdentifier(spec.publicKey)))]
      : []),
    ...(issuer === undefined
      ? []
      : [extension(OID.authorityKeyIdentifier, false, sequence(implicit(0, identifierOf(issuer))))]),
    ...(alternative === undefined ? [] : [extension(OID.subjectAltName, false, alternative)]),
  ];
}

function extension(oid: string, critical: boolean, value: Asn1): Asn1 {
  return sequence(objectIdentifier(oid), ...(critical ? [boolean(true)] : []), octetString(toDer(value)));
}

function subjectAltName({ dns, ips }: Names): Asn1 | undefined {
  if (dns.length + ips.length === 0) return undefined;
  return sequence(
    ...dns.map((name) => implicit(2, Buffer.from(name, 'ascii'))),
    ...ips.map((address) => implicit(7, Buffer.from(ipaddr.parse(address).toByteArray()))),
  );
}

/** The public half of a private key. */
export function publicKeyOf(key: KeyObject): KeyObject {
  return createPublicKey(key);
}
