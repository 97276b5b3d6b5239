import type { ServerHostKeyAlgorithm } from 'ssh2';
import { UserError } from '../errors.ts';
import { checkHostKey, fingerprint, type KnownHost, keyType, knownHostName } from './known-hosts.ts';
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
      if (!(await accepted(target, shown, policy))) throw unknown(target, shown, verdict.authority);
      await remember(target, name, key, policy.files);
  }
}

async function accepted(target: SshTarget, shown: string, policy: HostKeyPolicy): Promise<boolean> {
  if (target.unknownHostKey === 'refuse') return policy.acceptNewHostKeys;
  if (target.unknownHostKey === 'accept' || policy.acceptNewHostKeys) return true;
  const question = `${target.name} shows the host key ${shown}, which known_hosts does not list. Is it this host's?`;
  return (await policy.questions.confirm(question)) === true;
}

function unknown(target: SshTarget, shown: string, authority: boolean): UserError {
  const note = authority
    ? '; known_hosts has an authority for it, but kadm asks for keys, not for certificates'
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
