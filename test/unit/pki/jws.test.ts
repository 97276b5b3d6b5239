import { createHmac } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.ts';
import { caCertificateHash } from '../../../src/pki/ca-pin.ts';
import { issueAuthority } from '../../../src/pki/issue.ts';
import { signDetached, verifyClusterInfo } from '../../../src/pki/jws.ts';
import { generateKeyPair } from '../../../src/pki/keys.ts';
import { buildClusterInfo } from '../../../src/pki/kubeconfig.ts';

const TOKEN = { id: 'abcdef', secret: '0123456789abcdef' };
const SERVER = 'https://192.0.2.1:6443';
const KEY = 'jws-kubeconfig-abcdef';

describe('a detached signature', () => {
  test('is what openssl computes: HMAC-SHA256 over header and content in base64url', () => {
    expect(signDetached('apiVersion: v1\nkind: Config\n', TOKEN)).toBe(
      'eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..vH_kT4yiol-nrAWgjfCYqvum5wsKETXe0S7OOp1VgnE',
    );
  });
});

describe('cluster-info', () => {
  let caPem = '';
  let pin = '';
  let kubeconfig = '';

  beforeAll(async () => {
    caPem = issueAuthority('kubernetes', (await generateKeyPair('ECDSA-P256')).privateKey, new Date());
    pin = caCertificateHash(caPem);
    kubeconfig = buildClusterInfo(SERVER, caPem);
  });

  const signed = (content = kubeconfig, token = TOKEN) => ({
    data: { kubeconfig: content, [KEY]: signDetached(content, token) },
  });

  test('signed with the token, of a CA that is pinned, is believed', () => {
    expect(verifyClusterInfo(signed(), TOKEN, [pin])).toEqual({ server: SERVER, caPem });
  });

  test('is believed without a pin only when that was chosen', () => {
    expect(verifyClusterInfo(signed(), TOKEN, undefined)).toEqual({ server: SERVER, caPem });
    expect(() => verifyClusterInfo(signed(), TOKEN, [])).toThrow(UserError);
  });

  test('without a signature of this token says that the token is not known', () => {
    expect(() => verifyClusterInfo({ data: { kubeconfig } }, TOKEN, [pin])).toThrow(
      /does not know the join token abcdef/,
    );
  });

  test('signed with another secret is refused, and no secret is told', () => {
    const forged = signed(kubeconfig, { id: 'abcdef', secret: 'ffffffffffffffff' });
    let said = '';
    try {
      verifyClusterInfo(forged, TOKEN, [pin]);
    } catch (error) {
      said = `${(error as UserError).stack} ${(error as UserError).remedy}`;
    }
    expect(said).toMatch(/not signed with the join token abcdef/);
    expect(said).not.toMatch(/0123456789abcdef|ffffffffffffffff/);
  });

  test('changed after it was signed is refused', () => {
    const { data } = signed();
    const other = { data: { ...data, kubeconfig: kubeconfig.replace('192.0.2.1', '192.0.2.2') } };
    expect(() => verifyClusterInfo(other, TOKEN, [pin])).toThrow(/not signed/);
  });

  test.each([
    ['asks for no algorithm', { alg: 'none', kid: 'abcdef' }],
    ['asks for another algorithm', { alg: 'HS512', kid: 'abcdef' }],
    ['is of another token', { alg: 'HS256', kid: 'fedcba' }],
  ])('whose signature %s is refused, even where the secret fits it', (_, header) => {
    const head = Buffer.from(JSON.stringify(header)).toString('base64url');
    const body = Buffer.from(kubeconfig).toString('base64url');
    const signature = createHmac('sha256', TOKEN.secret).update(`${head}.${body}`).digest('base64url');
    const data = { kubeconfig, [KEY]: `${head}..${signature}` };
    expect(() => verifyClusterInfo({ data }, TOKEN, [pin])).toThrow(/not signed/);
  });

  test.each(['', '..', 'a.b.c', 'a..b.c', '....', 'nonsense'])(
    'with %j for a signature is refused',
    (jws) => {
      expect(() => verifyClusterInfo({ data: { kubeconfig, [KEY]: jws } }, TOKEN, [pin])).toThrow(
        /not signed/,
      );
    },
  );

  test('of another CA is refused although the token is right', async () => {
    const other = issueAuthority('kubernetes', (await generateKeyPair('ECDSA-P256')).privateKey, new Date());
    expect(() => verifyClusterInfo(signed(buildClusterInfo(SERVER, other)), TOKEN, [pin])).toThrow(
      /which is not the one that was given/,
    );
  });

  test('that smuggles a second CA beside the pinned one is refused', async () => {
    const other = issueAuthority('kubernetes', (await generateKeyPair('ECDSA-P256')).privateKey, new Date());
    const bundle = signed(buildClusterInfo(SERVER, caPem + other));
    expect(() => verifyClusterInfo(bundle, TOKEN, [pin])).toThrow(/which is not the one/);
  });

  test('whose server is not an https address is refused', () => {
    expect(() =>
      verifyClusterInfo(signed(buildClusterInfo('http://192.0.2.1:80', caPem)), TOKEN, [pin]),
    ).toThrow(UserError);
  });
});
