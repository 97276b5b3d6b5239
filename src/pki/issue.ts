import { type KeyObject, X509Certificate } from 'node:crypto';
import { UserError } from '../errors.ts';
import { createCertificate, type Names, publicKeyOf, type Subject } from './x509.ts';

/** How long certificates are valid, in seconds. */
export interface Validity {
  readonly authoritySeconds: number;
  readonly leafSeconds: number;
}

/** Ten years and one: kubeadm's numbers. */
export const DEFAULT_VALIDITY: Validity = { authoritySeconds: 87_600 * 3600, leafSeconds: 8_760 * 3600 };

/** By so much clocks may differ, with kubeadm as here. */
const BACKDATE_MS = 5 * 60_000;

export type Usage = 'server' | 'client';

export interface Authority {
  /** Path of its certificate. */
  readonly path: string;
  readonly certPem: string;
  /** Undefined for an external authority: its certificate is here, its key is not. */
  readonly key: KeyObject | undefined;
}

/** A certificate that signs itself and others. */
export function issueAuthority(
  commonName: string,
  key: KeyObject,
  now: Date,
  seconds: number = DEFAULT_VALIDITY.authoritySeconds,
): string {
  return createCertificate({
    subject: { commonName },
    publicKey: publicKeyOf(key),
    issuerPem: undefined,
    signer: key,
    isCa: true,
    usages: [],
    names: { dns: [commonName], ips: [] },
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + seconds * 1000),
  });
}

export interface LeafRequest {
  /** Path of the file that the certificate is for, to be named in errors. */
  readonly path: string;
  readonly subject: Subject;
  readonly key: KeyObject;
  readonly usages: readonly Usage[];
  readonly names: Names;
  /** A year when left out. It ends with its authority in any case. */
  readonly validitySeconds?: number;
}

/** A certificate signed by an authority. @throws UserError when the authority is an external one */
export function issueLeaf(authority: Authority, request: LeafRequest, now: Date): string {
  if (authority.key === undefined) {
    const keyPath = authority.path.replace(/\.crt$/, '.key');
    throw new UserError(
      `${request.path} is missing, and ${keyPath} to make it with is not there (external CA)`,
      {
        remedy: `have your authority make ${request.path} (\`kadm certs generate-csr\` writes the request), or put ${keyPath} there`,
      },
    );
  }
  return createCertificate({
    subject: request.subject,
    publicKey: publicKeyOf(request.key),
    issuerPem: authority.certPem,
    signer: authority.key,
    isCa: false,
    usages: request.usages,
    names: request.names,
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: endOf(authority, request.validitySeconds ?? DEFAULT_VALIDITY.leafSeconds, now),
  });
}

/** Nobody believes a certificate longer than its authority: it should not say so either. */
function endOf(authority: Authority, seconds: number, now: Date): Date {
  const wanted = new Date(now.getTime() + seconds * 1000);
  const last = new X509Certificate(authority.certPem).validToDate;
  return wanted < last ? wanted : last;
}
