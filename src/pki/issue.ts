import type { KeyObject } from 'node:crypto';
import { UserError } from '../errors.ts';
import { createCertificate, type Names, publicKeyOf, type Subject } from './x509.ts';

/** Hours of validity, and the five minutes by which clocks may differ: kubeadm's numbers. */
const VALIDITY = { authorityHours: 87_600, leafHours: 8_760, backdateMs: 5 * 60_000 } as const;
const HOUR_MS = 3_600_000;

export type Usage = 'server' | 'client';

export interface Authority {
  /** Path of its certificate. */
  readonly path: string;
  readonly certPem: string;
  /** Undefined for an external authority: its certificate is here, its key is not. */
  readonly key: KeyObject | undefined;
}

/** A certificate that signs itself and others for ten years. */
export function issueAuthority(commonName: string, key: KeyObject, now: Date): string {
  return createCertificate({
    subject: { commonName },
    publicKey: publicKeyOf(key),
    issuerPem: undefined,
    signer: key,
    isCa: true,
    usages: [],
    names: { dns: [commonName], ips: [] },
    ...validity(VALIDITY.authorityHours, now),
  });
}

export interface LeafRequest {
  /** Path of the file that the certificate is for, to be named in errors. */
  readonly path: string;
  readonly subject: Subject;
  readonly key: KeyObject;
  readonly usages: readonly Usage[];
  readonly names: Names;
}

/** A certificate for one year. @throws UserError when the authority is an external one */
export function issueLeaf(authority: Authority, request: LeafRequest, now: Date): string {
  if (authority.key === undefined) {
    const keyPath = authority.path.replace(/\.crt$/, '.key');
    throw new UserError(
      `${request.path} is missing, and ${keyPath} to make it with is not there (external CA)`,
      {
        remedy: `have your authority make ${request.path} and put it there with its key, or put ${keyPath} there`,
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
    ...validity(VALIDITY.leafHours, now),
  });
}

function validity(hours: number, now: Date): { readonly notBefore: Date; readonly notAfter: Date } {
  return {
    notBefore: new Date(now.getTime() - VALIDITY.backdateMs),
    notAfter: new Date(now.getTime() + hours * HOUR_MS),
  };
}
