import { createPrivateKey, generateKeyPair as generate, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** As ClusterConfiguration's encryptionAlgorithm names them. */
export type KeyAlgorithm = 'ECDSA-P256' | 'ECDSA-P384' | 'RSA-2048' | 'RSA-3072' | 'RSA-4096';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const CURVES = { 'ECDSA-P256': 'P-256', 'ECDSA-P384': 'P-384' } as const;
const generateAsync = promisify(generate);

export async function generateKeyPair(algorithm: KeyAlgorithm): Promise<KeyPair> {
  if (algorithm === 'ECDSA-P256' || algorithm === 'ECDSA-P384') {
    return await generateAsync('ec', { namedCurve: CURVES[algorithm] });
  }
  return await generateAsync('rsa', { modulusLength: Number(algorithm.slice('RSA-'.length)) });
}

/** The private key in the form of its own kind (SEC 1, PKCS #1), as kubeadm writes it. */
export function privateKeyPem(key: KeyObject): string {
  return String(key.export({ format: 'pem', type: key.asymmetricKeyType === 'ec' ? 'sec1' : 'pkcs1' }));
}

export function publicKeyPem(key: KeyObject): string {
  return String(key.export({ format: 'pem', type: 'spki' }));
}

export function parsePrivateKey(pem: string): KeyObject {
  return createPrivateKey(pem);
}
