import type { ServerHostKeyAlgorithm } from 'ssh2';
import { messageOf, UserError } from '../errors.ts';
import { type HostCertificate, objection, parseHostCertificate } from './host-certificate.ts';
import {
  authoritiesOf,
  checkHostKey,
  fingerprint,
  type KnownHost,
  keyType,
  knownHostName,
  knownKeyTypes,
} from './known-hosts.ts';
import type { KnownHostsFiles } from './known-hosts-file.ts';
import type { Questions } from './questions.ts';
import type { SshTarget } from './target.ts';

export interface HostKeyPolicy {
  /** Accept and remember the key of a host that known_hosts does not list, without a question. */
  readonly acceptNewHostKeys: boolean;
  readonly files: KnownHostsFiles;
  readonly questions: Questions;
}

/** Key types known for a host come first, so that the host shows a key that can be compared. */
export function hostKeyOrder(known: readonly string[]): ServerHostKeyAlgorithm[] {
  const all: ServerHostKeyAlgorithm[] = [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ];
  const isKnown = (algorithm: string): boolean =>
    known.includes(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm);
  return [...all.filter(isKnown), ...all.filter((algorithm) => !isKnown(algorithm))];
}

/** The name under which known_hosts has a target. */
export function nameInKnownHosts({ host, port, hostKeyAlias }: SshTarget): string {
  return hostKeyAlias ?? knownHostName(host, port);
}

/** Whether only an authority can vouch for a host: known_hosts has one for it, and no key. */
export function needsCertificate(target: SshTarget, known: readonly KnownHost[]): boolean {
  if (knownKeyTypes(known, nameInKnownHosts(target)).length > 0) return false;
  return authoritiesOf(known, namesOf(target)).trusted.length > 0;
}

/**
 * The key that a host's certificate vouches for, as if known_hosts listed it: that the host has it is proved when it
 * is connected to.
 * @param blob the certificate (SSH wire format)
 * @returns undefined where it is signed by nobody whom known_hosts names
 * @throws UserError for a certificate that must not be believed
 */
export function certifiedKey(
  target: SshTarget,
  known: readonly KnownHost[],
  blob: Buffer,
  now: number,
): KnownHost | undefined {
  const certificate = readCertificate(target, blob);
  const { trusted, revoked } = authoritiesOf(known, namesOf(target));
  const authority = certificate.authority.toString('base64');
  const by = `signed by ${fingerprint(certificate.authority)}`;
  if (revoked.includes(authority)) {
    throw new UserError(`${target.name}: its host certificate is ${by}, which known_hosts marks as revoked`);
  }
  if (!trusted.includes(authority)) return undefined;
  const problem = objection(certificate, target.hostKeyAlias ?? target.host, now);
  if (problem !== undefined) {
    throw new UserError(`${target.name}: its host certificate, ${by}, is not valid: ${problem}`, {
      remedy: 'look at it there: ssh-keygen -Lf /etc/ssh/ssh_host_*-cert.pub',
    });
  }
  const { keyType: type, key } = certificate;
  const patterns = nameInKnownHosts(target);
  return { marker: undefined, patterns, keyType: type, key: key.toString('base64') };
}

function readCertificate({ name }: SshTarget, blob: Buffer): HostCertificate {
  try {
    return parseHostCertificate(blob);
  } catch (error) {
    throw new UserError(`${name}: its host certificate cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Under which known_hosts may have an authority: with the port, and without, as OpenSSH looks for it. */
function namesOf(target: SshTarget): string[] {
  return [nameInKnownHosts(target), target.hostKeyAlias ?? target.host];
}

/**
 * Whether this host may show this key. A new one is asked about, or remembered where that was asked for.
 * @throws UserError for a key that is unknown and not accepted, changed or revoked
 */
export async function verifyHostKey(
  target: SshTarget,
  known: readonly KnownHost[],
  key: Buffer,
  policy: HostKeyPolicy,
): Promise<void> {
  const name = nameInKnownHosts(target);
  const verdict = checkHostKey(known, name, key);
  const shown = `${fingerprint(key)} (${keyType(key)})`;
  switch (verdict.kind) {
    case 'known':
      return;
    case 'revoked':
      throw new UserError(`${target.name}: its host key ${shown} is marked as revoked in known_hosts`);
    case 'changed':
      throw new UserError(
        `${target.name}: the host key is ${fingerprint(key)}, but known_hosts has ${verdict.expected}`,
        {
          remedy: `somebody may be in between; if the host was set up anew: ssh-keygen -R '${name}'`,
        },
      );
    case 'unknown':
      if (!(await accepted(target, shown, policy))) throw unknown(target, shown, known);
      await remember(target, name, key, policy.files);
  }
}

async function accepted(target: SshTarget, shown: string, policy: HostKeyPolicy): Promise<boolean> {
  if (target.unknownHostKey === 'refuse') return policy.acceptNewHostKeys;
  if (target.unknownHostKey === 'accept' || policy.acceptNewHostKeys) return true;
  const question = `${target.name} shows the host key ${shown}, which known_hosts does not list. Is it this host's?`;
  return (await policy.questions.confirm(question)) === true;
}

function unknown(target: SshTarget, shown: string, known: readonly KnownHost[]): UserError {
  const note = needsCertificate(target, known)
    ? ', and the host has no certificate of the authority that is'
    : '';
  return new UserError(`${target.name}: the host key ${shown} is not in known_hosts${note}`, {
    remedy:
      "compare it with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_*.pub there), then run this again with --accept-new-host-keys",
  });
}

async function remember(target: SshTarget, name: string, key: Buffer, files: KnownHostsFiles): Promise<void> {
  const [path] = target.knownHostsFiles;
  if (path !== undefined && path !== '/dev/null' && path !== 'none')
    await files.add(path, name, key, { hash: target.hashKnownHosts });
}
