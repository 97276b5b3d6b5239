import { constants } from 'node:fs';
import { appendFile, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import { hasCode, UserError } from '../errors.ts';
import {
  checkHostKey,
  fingerprint,
  type HostKeyVerdict,
  type KnownHost,
  keyType,
  knownHostName,
  parseKnownHosts,
} from './known-hosts.ts';
import type { SshTarget } from './target.ts';

/** Everything that these known_hosts files list. */
export async function readKnownHosts(files: readonly string[]): Promise<KnownHost[]> {
  const texts = await Promise.all(files.map((file) => readOptional(file)));
  return texts.flatMap((text) => parseKnownHosts(text ?? ''));
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

/**
 * Whether this host may show this key; a new one is remembered when that was asked for.
 * @throws UserError for a key that is unknown, changed or revoked
 */
export async function verifyHostKey(
  target: SshTarget,
  known: readonly KnownHost[],
  key: Buffer,
  options: { readonly acceptNewHostKeys: boolean },
): Promise<void> {
  const name = knownHostName(target.host, target.port);
  const verdict: HostKeyVerdict = checkHostKey(known, name, key);
  const shown = fingerprint(key);
  switch (verdict.kind) {
    case 'known':
      return;
    case 'revoked':
      throw new UserError(`${target.name}: its host key ${shown} is marked as revoked in known_hosts`);
    case 'changed':
      throw new UserError(
        `${target.name}: the host key is ${shown}, but known_hosts has ${verdict.expected}`,
        {
          remedy: `somebody may be in between; if the host was set up anew: ssh-keygen -R '${name}'`,
        },
      );
    case 'unknown':
      if (!options.acceptNewHostKeys) {
        throw new UserError(`${target.name}: the host key ${shown} (${keyType(key)}) is not in known_hosts`, {
          remedy: `compare it with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_*.pub there), then run this again with --accept-new-host-keys`,
        });
      }
      await remember(target, `${name} ${keyType(key)} ${key.toString('base64')}\n`);
  }
}

async function remember(target: SshTarget, line: string): Promise<void> {
  const file = target.knownHostsFiles[0];
  if (file === undefined) return;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(file, constants.O_CREAT | constants.O_RDWR, 0o600);
  const text = await handle.readFile('utf8');
  await handle.close();
  await appendFile(file, text === '' || text.endsWith('\n') ? line : `\n${line}`);
}

/** The content of a file; undefined where there is none. */
export async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
