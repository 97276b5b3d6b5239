import { createHmac, timingSafeEqual } from 'node:crypto';
import { EXIT, UserError } from '../errors.ts';
import { certificatesOf, checkCaPin } from './ca-pin.ts';
import { credentialsFrom } from './kubeconfig.ts';
import type { Token } from './token.ts';

/** The key of cluster-info that holds a token's signature. */
export function signatureKey(tokenId: string): string {
  return `jws-kubeconfig-${tokenId}`;
}

/** Whether the cluster's signer has signed cluster-info with the token of this id. */
export function isSignedFor(data: Readonly<Record<string, string>>, id: string): boolean {
  return data[signatureKey(id)] !== undefined;
}

/**
 * A detached JWS (RFC 7515, appendix F) with HMAC-SHA256: the token's id names the key, its secret is the
 * key. This is how the cluster's bootstrap signer signs cluster-info.
 */
export function signDetached(content: string, { id, secret }: Token): string {
  const header = base64url(JSON.stringify({ alg: 'HS256', kid: id }));
  return `${header}..${signature(header, content, secret)}`;
}

/**
 * The data of cluster-info, signed with a token. The bootstrap signer makes the same signature, but only some
 * seconds after the controller manager has begun; until then nobody could join with the token.
 */
export function signedClusterInfo(kubeconfig: string, token: Token): Record<string, string> {
  return { kubeconfig, [signatureKey(token.id)]: signDetached(kubeconfig, token) };
}

/**
 * Believes a cluster-info only when it is signed with the token and its CA has one of the hashes.
 * @param pins `sha256:HEX` hashes, or undefined when the user chose to go without
 * @throws UserError saying which of them does not hold
 */
export function verifyClusterInfo(
  clusterInfo: { readonly data: Readonly<Record<string, string>> },
  token: Token,
  pins: readonly string[] | undefined,
): { readonly server: string; readonly caPem: string } {
  const kubeconfig = clusterInfo.data.kubeconfig ?? '';
  const jws = clusterInfo.data[signatureKey(token.id)];
  if (jws === undefined) {
    throw refused(`the cluster does not know the join token ${token.id}.…: it is wrong or has expired`);
  }
  if (!verifyDetached(jws, kubeconfig, token)) {
    throw refused(
      `cluster-info is not signed with the join token ${token.id}.…: the token is wrong, or somebody is in between`,
    );
  }
  const { server, caPem } = credentialsFrom(kubeconfig);
  // Nothing but the certificates that were looked at is handed on: a TLS library would read other PEM blocks too.
  const certificates = certificatesOf(caPem);
  if (pins !== undefined) checkCaPin(certificates, pins);
  return { server, caPem: certificates.join('') };
}

function verifyDetached(jws: string, content: string, token: Token): boolean {
  const [header, empty, given, ...rest] = jws.split('.');
  if (header === undefined || empty !== '' || given === undefined || rest.length > 0) return false;
  if (!isOurHeader(header, token.id)) return false;
  const wanted = Buffer.from(signature(header, content, token.secret));
  const found = Buffer.from(given);
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

/** The algorithm is fixed here: what a header asks for is not followed, only compared. */
function isOurHeader(header: string, id: string): boolean {
  try {
    const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as Record<
      string,
      unknown
    >;
    return alg === 'HS256' && kid === id;
  } catch {
    return false;
  }
}

function signature(header: string, content: string, secret: string): string {
  return createHmac('sha256', secret)
    .update(`${header}.${base64url(content)}`)
    .digest('base64url');
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}

function refused(message: string): UserError {
  return new UserError(message, {
    remedy: 'on the master, `kadm token create --print-join-command` makes a new one',
    exitCode: EXIT.preflight,
  });
}
