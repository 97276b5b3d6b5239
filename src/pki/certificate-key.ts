import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { EXIT, UserError } from '../errors.ts';

/** The key by which a cluster keeps the authorities of its control planes: AES-256, as kubeadm's. */
const KEY_BYTES = 32;
/** What a nonce and a tag of AES-GCM have (NIST SP 800-38D), and what Go's cipher.NewGCM takes. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ALGORITHM = 'aes-256-gcm';

/** 64 hexadecimal digits. */
export function generateCertificateKey(): string {
  return randomBytes(KEY_BYTES).toString('hex');
}

/**
 * nonce || ciphertext || tag, as kubeadm encrypts.
 * @param key as generateCertificateKey makes it
 */
export function encryptWith(key: string, plain: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, Buffer.from(key, 'hex'), nonce);
  return Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

/** @throws UserError where it was encrypted with another key, or was changed since */
export function decryptWith(key: string, sealed: Buffer): string {
  try {
    const decipher = createDecipheriv(ALGORITHM, Buffer.from(key, 'hex'), sealed.subarray(0, NONCE_BYTES));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const text = sealed.subarray(NONCE_BYTES, -TAG_BYTES);
    return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
  } catch (error) {
    throw new UserError('the certificate key does not open the certificates that the cluster keeps', {
      remedy:
        'use the key of the last upload, or upload them anew on a control plane: kadm init phase upload-certs',
      exitCode: EXIT.preflight,
      cause: error,
    });
  }
}
