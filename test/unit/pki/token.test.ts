import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.ts';
import {
  bootstrapTokenSecret,
  checkCanJoin,
  checkTokenGroups,
  generateToken,
  parseToken,
  parseTokenUsages,
  TOKEN_USAGES,
  type TokenUsage,
} from '../../../src/pki/token.ts';

const decoded = (data: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );

describe('a join token', () => {
  test('is made in the form that Kubernetes asks for, each one new', () => {
    const tokens = Array.from({ length: 200 }, generateToken);
    for (const token of tokens) expect(token).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/);
    expect(new Set(tokens).size).toBe(200);
  });

  test('uses every letter and digit', () => {
    const seen = new Set(Array.from({ length: 200 }, generateToken).join('').replaceAll('.', ''));
    expect(seen.size).toBe(36);
  });

  test('is read into its public and its secret part', () => {
    expect(parseToken('abcdef.0123456789abcdef')).toEqual({ id: 'abcdef', secret: '0123456789abcdef' });
  });

  test.each([
    '',
    'abcdef',
    'abcdef.',
    'ABCDEF.0123456789abcdef',
    'abcdef.0123456789abcdeX',
    'abcdef.0123456789abcdef\n',
    'abcdef:0123456789abcdef',
  ])('is refused as %j', (text) => {
    expect(() => parseToken(text)).toThrow(UserError);
  });

  test('that is wrong is not repeated in the error', () => {
    let said = '';
    try {
      parseToken('zzzzzz.Qqqqqqqqqqqqqqqq');
    } catch (error) {
      said = `${(error as UserError).stack} ${(error as UserError).remedy}`;
    }
    expect(said).toContain('join token');
    expect(said).not.toContain('qqqq');
  });
});

describe('what to do about a wrong token', () => {
  test.each<[Parameters<typeof parseToken>[1], string]>([
    ['make', '`kadm token generate` makes one'],
    ['join', 'on the master, `kadm token create --print-join-command` prints a whole command'],
  ])('tells whoever wants to %s', (purpose, remedy) => {
    expect(() => parseToken('abc', purpose)).toThrow(expect.objectContaining({ remedy, exitCode: 2 }));
  });
});

test.each<[readonly TokenUsage[], string]>([
  [['signing'], 'authentication'],
  [['authentication'], 'signing'],
  [[], 'signing and authentication'],
])('with a token for %j nobody can join', (usages, missing) => {
  expect(() => checkCanJoin(usages)).toThrow(
    expect.objectContaining({ message: expect.stringMatching(`without ${missing}$`), exitCode: 2 }),
  );
});

test('with a token for both usages a node can join', () => {
  expect(() => checkCanJoin(TOKEN_USAGES)).not.toThrow();
});

describe('the Secret of a join token', () => {
  const token = { id: 'abcdef', secret: '0123456789abcdef' };

  test('lets it join, and end, and nothing else', () => {
    const expires = new Date('2026-11-22T10:11:12.345Z');
    const secret = bootstrapTokenSecret(token, { expires, description: 'for a test' });
    expect(secret.metadata).toEqual({ name: 'bootstrap-token-abcdef', namespace: 'kube-system' });
    expect(secret.type).toBe('bootstrap.kubernetes.io/token');
    expect(decoded(secret.data)).toEqual({
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
      description: 'for a test',
      expiration: '2026-11-22T10:11:12Z',
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
    });
  });

  test('has no expiration when it is not to end', () => {
    expect(bootstrapTokenSecret(token, { expires: undefined, description: '' }).data).not.toHaveProperty(
      'expiration',
    );
  });

  test('of one usage has no other, and groups only where it authenticates', () => {
    const { data } = bootstrapTokenSecret(token, {
      expires: undefined,
      description: '',
      usages: ['signing'],
    });
    expect(decoded(data)).toEqual({
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-signing': 'true',
    });
  });

  test('names the groups that were asked for', () => {
    const groups = ['system:bootstrappers:one', 'system:bootstrappers:two'];
    const { data } = bootstrapTokenSecret(token, { expires: undefined, description: '', groups });
    expect(decoded(data)).toMatchObject({ 'auth-extra-groups': groups.join(',') });
  });
});

describe('what a token may be asked to be', () => {
  test('usages are two, in any order', () => {
    expect(parseTokenUsages(['authentication', 'signing'])).toEqual(['signing', 'authentication']);
    expect(() => parseTokenUsages(['joining'])).toThrow('--usages: "joining" is not a usage');
  });

  test('groups are those that the API server takes from tokens', () => {
    expect(() => checkTokenGroups(['system:bootstrappers:rack-7'], ['authentication'])).not.toThrow();
    expect(() => checkTokenGroups(['system:masters'], ['authentication'])).toThrow(/"system:masters" is not/);
    expect(() => checkTokenGroups(['system:bootstrappers:x'], ['signing'])).toThrow(
      /nobody would ever be in/,
    );
  });
});
