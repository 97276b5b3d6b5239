import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { UserError } from '../errors.ts';
import type { Usage } from './issue.ts';
import { parsePrivateKey } from './keys.ts';
import type { Names, Subject } from './x509.ts';

export const USAGE_OIDS: Readonly<Record<Usage, string>> = {
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
};

/** What a certificate that is there already must be, to be kept. */
export interface Expected {
  readonly path: string;
  readonly certPem: string;
  readonly keyPem: string | undefined;
  readonly issuerPem: string;
  readonly names: Names;
  readonly usages: readonly Usage[];
  /** Given where the cluster grants rights by the name in the certificate. */
  readonly subject?: Subject;
}

/** @throws UserError that says which file is wrong, and in what */
export function checkLeaf(expected: Expected, now: Date): void {
  const { path, keyPem } = expected;
  const certificate = parseCertificate(path, expected.certPem);
  const issuer = new X509Certificate(expected.issuerPem);
  if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
    throw wrong(path, 'is not signed by the certificate authority that is there');
  }
  checkTime(path, certificate, now);
  if (keyPem !== undefined) checkPair(path, certificate, keyPem);
  checkNames(expected, certificate);
  checkUsages(expected, certificate);
  if (expected.subject !== undefined) checkSubject(path, certificate, expected.subject);
}

/**
 * An authority may itself be signed by another one.
 * @returns its private key, or undefined where there is none: an external authority
 * @throws UserError that says which file is wrong, and in what
 */
export function checkAuthority(
  path: string,
  certPem: string,
  keyPem: string | undefined,
  now: Date,
): KeyObject | undefined {
  const certificate = parseCertificate(path, certPem);
  if (!certificate.ca) throw wrong(path, 'is not the certificate of an authority (CA:TRUE is not in it)');
  checkTime(path, certificate, now);
  return keyPem === undefined ? undefined : checkPair(path, certificate, keyPem);
}

/** A private key from a file. @throws UserError naming the file; nothing of its content is told */
export function readPrivateKey(path: string, pem: string): KeyObject {
  try {
    return parsePrivateKey(pem);
  } catch {
    throw wrong(path, 'holds no private key that could be read (PEM, without a passphrase)');
  }
}

export function wrong(path: string, what: string): UserError {
  return new UserError(`${path} ${what}`, {
    remedy: 'remove it to have a new one made, or put the right one there',
  });
}

/** @throws UserError naming the file that holds none */
export function parseCertificate(path: string, text: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch {
    throw wrong(path, 'is not a certificate in PEM');
  }
}

function checkTime(path: string, certificate: X509Certificate, now: Date): void {
  const { validFromDate, validToDate } = certificate;
  if (validToDate < now) throw wrong(path, `expired on ${validToDate.toISOString()}`);
  if (validFromDate > now) {
    throw new UserError(`${path} is not valid before ${validFromDate.toISOString()}`, {
      remedy: `check the clock of this host: it says ${now.toISOString()}`,
    });
  }
}

function checkPair(path: string, certificate: X509Certificate, keyPem: string): KeyObject {
  const key = readPrivateKey(path.replace(/\.crt$/, '.key'), keyPem);
  if (!createPublicKey(key).equals(certificate.publicKey))
    throw wrong(path, 'does not belong to the key beside it');
  return key;
}

/** The subject's common name does not count as a name (RFC 9525, 2): Go ignores it. */
function checkNames({ path, names }: Expected, certificate: X509Certificate): void {
  const missing = [
    ...names.dns.filter((name) => certificate.checkHost(name, { subject: 'never' }) === undefined),
    ...names.ips.filter((address) => certificate.checkIP(address) === undefined),
  ];
  if (missing.length > 0) throw wrong(path, `is not valid for ${missing.join(', ')}`);
}

/** Without the extension every use is allowed (RFC 5280, 4.2.1.12). */
function checkUsages({ path, usages }: Expected, certificate: X509Certificate): void {
  const allowed = certificate.keyUsage as readonly string[] | undefined;
  const missing = usages.filter((usage) => allowed !== undefined && !allowed.includes(USAGE_OIDS[usage]));
  if (missing.length > 0)
    throw wrong(path, `is not allowed to be used as ${missing.join(' and ')} certificate`);
}

function checkSubject(path: string, certificate: X509Certificate, wanted: Subject): void {
  const { CN, O } = certificate.toLegacyObject().subject as { CN?: string | string[]; O?: string | string[] };
  const organizations = [O ?? []].flat();
  if (CN !== wanted.commonName) throw wrong(path, `is for ${String(CN)}, not for ${wanted.commonName}`);
  const missing = (wanted.organizations ?? []).filter((one) => !organizations.includes(one));
  if (missing.length > 0) throw wrong(path, `lacks the group (O) ${missing.join(', ')}`);
}
