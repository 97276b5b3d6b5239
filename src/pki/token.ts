import { randomInt } from 'node:crypto';
import { EXIT, UserError } from '../errors.ts';

/** A join token: the id is public, the secret is not. */
export interface Token {
  readonly id: string;
  readonly secret: string;
}

/** The Secret of a join token. */
export interface TokenSecret {
  readonly apiVersion: 'v1';
  readonly kind: 'Secret';
  readonly metadata: { readonly name: string; readonly namespace: 'kube-system' };
  readonly type: 'bootstrap.kubernetes.io/token';
  /** In base64: unlike stringData, what is applied here is what stays owned, and a field left out goes away. */
  readonly data: Readonly<Record<string, string>>;
}

export const TOKEN_GROUP = 'system:bootstrappers:kubeadm:default-node-token';
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** When a token made now ends; undefined for one that is to last for ever (0 seconds). */
export function tokenExpiry(ttlSeconds: number): Date | undefined {
  return ttlSeconds === 0 ? undefined : new Date(Date.now() + ttlSeconds * 1000);
}

/** ID.SECRET of 6 and 16 small letters and digits (Kubernetes documentation, bootstrap tokens). */
export function generateToken(): string {
  const random = (length: number): string =>
    Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return `${random(6)}.${random(16)}`;
}

/** @throws UserError (usage) that does not repeat what was given: it may be a secret with a typing error */
export function parseToken(text: string): Token {
  const [, id, secret] = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(text) ?? [];
  if (id !== undefined && secret !== undefined) return { id, secret };
  throw new UserError('the join token is not of the form abcdef.0123456789abcdef', {
    remedy: 'on the master, `kadm token create --print-join-command` prints a whole command',
    exitCode: EXIT.usage,
  });
}

/** The Secret by which the cluster knows a token; without `expires` it is valid until it is deleted. */
export function bootstrapTokenSecret(
  { id, secret }: Token,
  options: { readonly expires: Date | undefined; readonly description: string },
): TokenSecret {
  const expires = options.expires?.toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: base64Values({
      'auth-extra-groups': TOKEN_GROUP,
      description: options.description,
      ...(expires === undefined ? {} : { expiration: expires }),
      'token-id': id,
      'token-secret': secret,
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
    }),
  };
}

function base64Values(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
}
