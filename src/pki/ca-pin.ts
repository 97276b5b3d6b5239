import { createHash, X509Certificate } from 'node:crypto';
import { EXIT, UserError } from '../errors.ts';
import { publicKeyInfo } from './x509.ts';

const PIN = /^sha256:[0-9a-f]{64}$/;

/** `sha256:HEX` of the certificate's SubjectPublicKeyInfo (RFC 7469, 2.4): kubeadm's discovery-token-ca-cert-hash. */
export function caCertificateHash(certificatePem: string): string {
  return `sha256:${createHash('sha256').update(publicKeyInfo(certificatePem)).digest('hex')}`;
}

/** The hash in the form in which it is compared. @throws UserError (usage) when it is not of the form sha256:HEX */
export function parseCaPin(text: string): string {
  const pin = text.trim().toLowerCase();
  if (PIN.test(pin)) return pin;
  throw new UserError(
    `${JSON.stringify(text)} is not a CA certificate hash: sha256: and 64 hexadecimal digits`,
    {
      remedy: 'copy it from the join command that kadm init printed',
      exitCode: EXIT.usage,
    },
  );
}

/**
 * Believes a CA, or a bundle of several as in the middle of a CA's replacement, only when each certificate in it
 * has one of the hashes: a bundle in which one is unknown would let that one vouch for any server.
 * @throws UserError when one has not
 */
export function checkCaPin(certificates: readonly string[], pins: readonly string[]): void {
  const wanted = new Set(pins.map(parseCaPin));
  for (const certificate of certificates) {
    const found = caCertificateHash(certificate);
    if (wanted.has(found)) continue;
    throw new UserError(`the cluster's CA has the hash ${found}, which is not the one that was given`, {
      remedy:
        'this is another cluster, or somebody is in between; compare with the command that kadm init printed',
      exitCode: EXIT.preflight,
    });
  }
}

/** The certificates of a PEM text, at least one. @throws UserError when there is none, or one cannot be read */
export function certificatesOf(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length === 0) throw new Error('no certificate');
    return blocks.map((block) => new X509Certificate(block).toString());
  } catch (cause) {
    throw new UserError('the cluster names a CA certificate that cannot be read', {
      remedy:
        'on the master, compare the ConfigMap cluster-info in kube-public with /etc/kubernetes/pki/ca.crt',
      exitCode: EXIT.preflight,
      cause,
    });
  }
}
