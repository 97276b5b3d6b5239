import { type KeyObject, X509Certificate } from 'node:crypto';
import { parseCertificate, readPrivateKey, USAGE_OIDS, wrong } from './check.ts';
import { type Authority, issueLeaf, type Usage } from './issue.ts';
import { generateKeyPair, type KeyAlgorithm, privateKeyPem } from './keys.ts';
import type { Names, Subject } from './x509.ts';

/** A certificate with its key, and the path to name in errors. */
export interface Pair {
  readonly path: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** What is to be other than in the certificate that is replaced. */
export interface RenewOptions {
  readonly keyAlgorithm?: KeyAlgorithm | undefined;
  readonly validitySeconds?: number | undefined;
}

/**
 * A new key and certificate for the same subject, names and uses, signed by the same authority; of the same kind and for
 * as long as the old one, unless said otherwise. Whether the old one has expired does not matter.
 * @throws UserError when the old one is not of this authority, or the authority's key is not here
 */
export async function renewPair(
  authority: Authority,
  old: Pair,
  options: RenewOptions,
  now: Date,
): Promise<Pair> {
  const { path } = old;
  const present = parseCertificate(path, old.certPem);
  const issuer = new X509Certificate(authority.certPem);
  if (!present.checkIssued(issuer) || !present.verify(issuer.publicKey)) {
    throw wrong(path, `is not signed by ${authority.path}, so it is not renewed with it`);
  }
  const algorithm = options.keyAlgorithm ?? algorithmOf(readPrivateKey(path, old.keyPem));
  const { privateKey } = await generateKeyPair(algorithm);
  const request = {
    path,
    subject: subjectOf(path, present),
    key: privateKey,
    usages: usagesOf(present),
    names: namesOf(present),
    validitySeconds: options.validitySeconds ?? lifeOf(present),
  };
  return { path, certPem: issueLeaf(authority, request, now), keyPem: privateKeyPem(privateKey) };
}

/** The kind of a key; the default for one of a kind that kadm does not make. */
export function algorithmOf(key: KeyObject): KeyAlgorithm {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  if (namedCurve === 'secp384r1') return 'ECDSA-P384';
  const rsa = ([2048, 3072, 4096] as const).find((bits) => bits === modulusLength);
  return rsa === undefined ? 'ECDSA-P256' : `RSA-${rsa}`;
}

/** Seconds for which a certificate was made, without the five minutes by which kadm and kubeadm backdate it. */
function lifeOf({ validFromDate, validToDate }: X509Certificate): number {
  const seconds = (validToDate.getTime() - validFromDate.getTime()) / 1000;
  return seconds % 600 === 300 ? seconds - 300 : seconds;
}

function subjectOf(path: string, certificate: X509Certificate): Subject {
  const { CN, O = [] } = certificate.toLegacyObject().subject as { CN?: string; O?: string | string[] };
  if (typeof CN !== 'string') throw wrong(path, 'has not one common name, so it is not renewed');
  return { commonName: CN, organizations: [O].flat() };
}

function usagesOf(certificate: X509Certificate): Usage[] {
  const allowed = (certificate.keyUsage as readonly string[] | undefined) ?? [];
  return (['server', 'client'] as const).filter((usage) => allowed.includes(USAGE_OIDS[usage]));
}

/** Names and addresses; certificates of a cluster have no others, and no commas in them. */
function namesOf(certificate: X509Certificate): Names {
  const names = (certificate.subjectAltName ?? '').split(', ');
  const after = (prefix: string): string[] =>
    names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  return { dns: after('DNS:'), ips: after('IP Address:') };
}
