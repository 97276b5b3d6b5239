import { randomInt } from 'node:crypto';
import { EXIT, UserError } from '../errors.ts';

/** A join token: the id is public, the secret is not. */
export interface Token {
  readonly id: string;
  readonly secret: string;
}

/** What a token may be used for: calls to the API server, and the signature of cluster-info. */
export const TOKEN_USAGES = ['signing', 'authentication'] as const;
export type TokenUsage = (typeof TOKEN_USAGES)[number];

/** What a token is besides its value. */
export interface TokenOptions {
  /** Undefined for one that is valid until it is deleted. */
  readonly expires: Date | undefined;
  readonly description: string;
  /** Both when left out. */
  readonly usages?: readonly TokenUsage[];
  /** Groups of whoever calls with it; those of joining nodes when left out. */
  readonly groups?: readonly string[];
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

/** What to do about a wrong token: who joins needs one of the cluster's, who makes one may have any. */
const TOKEN_REMEDIES = {
  join: 'on the master, `kadm token create --print-join-command` prints a whole command',
  make: '`kadm token generate` makes one',
} as const;

/**
 * @param purpose what the token is given for
 * @throws UserError (usage) that does not repeat what was given: it may be a secret with a typing error
 */
export function parseToken(text: string, purpose: keyof typeof TOKEN_REMEDIES = 'join'): Token {
  const [, id, secret] = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(text) ?? [];
  if (id !== undefined && secret !== undefined) return { id, secret };
  throw new UserError('the join token is not of the form abcdef.0123456789abcdef', {
    remedy: TOKEN_REMEDIES[purpose],
    exitCode: EXIT.usage,
  });
}

/** @throws UserError (usage) for what is no usage */
export function parseTokenUsages(names: readonly string[]): TokenUsage[] {
  const unknown = names.find((name) => !TOKEN_USAGES.some((usage) => usage === name));
  if (unknown === undefined) return TOKEN_USAGES.filter((usage) => names.includes(usage));
  throw new UserError(`--usages: ${JSON.stringify(unknown)} is not a usage`, {
    remedy: `usages are ${TOKEN_USAGES.join(' and ')}`,
    exitCode: EXIT.usage,
  });
}

/** @throws UserError (usage) for a token that nobody could join with */
export function checkCanJoin(usages: readonly TokenUsage[]): void {
  const missing = TOKEN_USAGES.filter((usage) => !usages.includes(usage));
  if (missing.length === 0) return;
  throw new UserError(`--print-join-command: nobody can join with a token without ${missing.join(' and ')}`, {
    remedy: 'leave out --usages, or name signing and authentication',
    exitCode: EXIT.usage,
  });
}

/** @throws UserError (usage) for groups that the API server would not take from a token */
export function checkTokenGroups(groups: readonly string[], usages: readonly TokenUsage[]): void {
  const wrong = groups.find((group) => !/^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/.test(group));
  if (wrong !== undefined) {
    throw new UserError(`--groups: ${JSON.stringify(wrong)} is not a group of tokens`, {
      remedy: `they begin with system:bootstrappers:, such as ${TOKEN_GROUP}`,
      exitCode: EXIT.usage,
    });
  }
  if (groups.length === 0 || usages.includes('authentication')) return;
  throw new UserError('--groups without the usage authentication: nobody would ever be in them', {
    remedy: 'leave out --groups, or add authentication to --usages',
    exitCode: EXIT.usage,
  });
}

/** The Secret by which the cluster knows a token, with the keys and values of kubeadm's. */
export function bootstrapTokenSecret({ id, secret }: Token, options: TokenOptions): TokenSecret {
  const usages = options.usages ?? TOKEN_USAGES;
  const groups = options.groups ?? (usages.includes('authentication') ? [TOKEN_GROUP] : []);
  const expires = options.expires?.toISOString().replace(/\.\d+Z$/, 'Z');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: base64Values({
      ...(groups.length === 0 ? {} : { 'auth-extra-groups': groups.join(',') }),
      ...(options.description === '' ? {} : { description: options.description }),
      ...(expires === undefined ? {} : { expiration: expires }),
      'token-id': id,
      'token-secret': secret,
      ...Object.fromEntries(usages.map((usage) => [`usage-bootstrap-${usage}`, 'true'])),
    }),
  };
}

function base64Values(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
}
