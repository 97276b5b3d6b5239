import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../errors.ts';
import { generateKeyPair, privateKeyPem } from '../pki/keys.ts';
import { createCertificateRequest, type Subject } from '../pki/x509.ts';
import type { KubeClient } from './client.ts';

export const CSR_PATH = '/apis/certificates.k8s.io/v1/certificatesigningrequests';

const POLL_MS = 100;
const SIGNER =
  'the controller manager of a control plane signs it: see that it runs there, and its log in /var/log/pods';
const NO_NAMES = { dns: [], ips: [] } as const;

/** A CertificateSigningRequest as far as kadm looks at it. */
export interface SigningRequest {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string };
  readonly spec: {
    readonly request: string;
    readonly signerName: string;
    readonly username?: string;
    readonly groups?: readonly string[];
    readonly usages?: readonly string[];
  };
  readonly status?: {
    readonly certificate?: string;
    readonly conditions?: readonly { readonly type: string; readonly message?: string }[];
  };
}

export interface ClientCertificate {
  readonly subject: Subject;
  /** Beginning of the request's name. */
  readonly generateName: string;
  readonly signerName: string;
  readonly usages: readonly string[];
  readonly timeoutMs: number;
  /** Who approves such requests: said when nobody does. */
  readonly approver: string;
}

/**
 * Asks the cluster for a client certificate of a new key (ECDSA P-256), and waits until it is signed.
 * @returns certificate and key in one PEM text
 * @throws UserError when the request is refused, or nobody approves it in time
 */
export async function requestCertificate(
  client: KubeClient,
  wanted: ClientCertificate,
  signal: AbortSignal,
): Promise<string> {
  const { publicKey, privateKey } = await generateKeyPair('ECDSA-P256');
  const request = createCertificateRequest(wanted.subject, NO_NAMES, publicKey, privateKey);
  const { metadata } = await client.create<SigningRequest>(CSR_PATH, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { generateName: wanted.generateName },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: wanted.signerName,
      usages: wanted.usages,
    },
  });
  return `${await waitSigned(client, metadata.name, wanted, signal)}${privateKeyPem(privateKey)}`;
}

async function waitSigned(
  client: KubeClient,
  name: string,
  { timeoutMs, approver }: ClientCertificate,
  signal: AbortSignal,
): Promise<string> {
  const timeUp = AbortSignal.timeout(timeoutMs);
  const inTime = AbortSignal.any([signal, timeUp]);
  let approved = false;
  try {
    for (;;) {
      const { status } = await client.get<SigningRequest>(`${CSR_PATH}/${name}`, undefined, inTime);
      if (status?.certificate !== undefined)
        return Buffer.from(status.certificate, 'base64').toString('utf8');
      const refused = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
      if (refused !== undefined) {
        throw new UserError(`request ${name} was refused: ${refused.message ?? refused.type}`, {
          remedy: `see it: kubectl describe csr ${name}`,
        });
      }
      approved = status?.conditions?.some(({ type }) => type === 'Approved') ?? false;
      await sleep(POLL_MS, undefined, { signal: inTime });
    }
  } catch (error) {
    if (!timeUp.aborted || signal.aborted || error instanceof UserError) throw error;
  }
  const within = `within ${timeoutMs / 1000} s`;
  throw approved
    ? new UserError(`request ${name} was approved, but not signed ${within}`, { remedy: SIGNER })
    : new UserError(`request ${name} was not approved ${within}`, { remedy: approver });
}
