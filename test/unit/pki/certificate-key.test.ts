import { describe, expect, it } from 'vitest';
import { decryptWith, encryptWith, generateCertificateKey } from '../../../src/pki/certificate-key.ts';

describe('the certificate key', () => {
  it('opens what AES-256-GCM sealed elsewhere: nonce, ciphertext, tag', () => {
    // Test case 14 of the specification of GCM (McGrew and Viega): key, nonce and text are zeros.
    const sealed = `${'00'.repeat(12)}cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919`;
    expect(decryptWith('00'.repeat(32), Buffer.from(sealed, 'hex'))).toBe('\0'.repeat(16));
  });

  it('opens what it sealed, each time under another nonce', () => {
    const key = generateCertificateKey();
    const [first, second] = [encryptWith(key, 'text'), encryptWith(key, 'text')];
    expect(first.equals(second)).toBe(false);
    expect(decryptWith(key, second)).toBe('text');
  });

  it('is refused, and not told, where it is another one, or a byte was changed', () => {
    const [key, other] = [generateCertificateKey(), generateCertificateKey()];
    const sealed = encryptWith(key, 'text');
    const message = 'the certificate key does not open the certificates that the cluster keeps';
    expect(() => decryptWith(other, sealed)).toThrow(message);
    sealed[14] = (sealed[14] ?? 0) ^ 1;
    expect(() => decryptWith(key, sealed)).toThrow(message);
    expect(() => decryptWith(key, Buffer.alloc(5))).toThrow(message);
  });
});
