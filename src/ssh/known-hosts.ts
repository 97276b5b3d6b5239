import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface KnownHost {
  readonly marker: 'cert-authority' | 'revoked' | undefined;
  readonly patterns: string;
  readonly keyType: string;
  /** base64 of the key in SSH wire format. */
  readonly key: string;
}

export type HostKeyVerdict =
  | { readonly kind: 'known' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'changed'; readonly expected: string }
  | { readonly kind: 'revoked' };

/** Reads known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT); lines that make no sense are passed over, as OpenSSH does. */
export function parseKnownHosts(text: string): KnownHost[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/);
    const marker = fields[0]?.startsWith('@') ? fields.shift()?.slice(1) : undefined;
    const [patterns, keyType, key] = fields;
    if (patterns === undefined || patterns.startsWith('#') || keyType === undefined || key === undefined)
      return [];
    if (marker !== undefined && marker !== 'cert-authority' && marker !== 'revoked') return [];
    return [{ marker, patterns, keyType, key }];
  });
}

/** The name under which known_hosts lists a host: [host]:port unless the port is 22. */
export function knownHostName(host: string, port: number): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

/** Whether this host may show this key (SSH wire format). */
export function checkHostKey(known: readonly KnownHost[], name: string, key: Buffer): HostKeyVerdict {
  const shown = key.toString('base64');
  const own = known.filter((entry) => entry.marker !== 'cert-authority' && matches(entry.patterns, name));
  if (own.some((entry) => entry.marker === 'revoked' && entry.key === shown)) return { kind: 'revoked' };
  const keys = own.filter((entry) => entry.marker === undefined);
  if (keys.some((entry) => entry.key === shown)) return { kind: 'known' };
  const expected = keys.find((entry) => entry.keyType === keyType(key)) ?? keys[0];
  if (expected === undefined) return { kind: 'unknown' };
  return { kind: 'changed', expected: fingerprint(Buffer.from(expected.key, 'base64')) };
}

/** What known_hosts says of authorities that sign the certificates of a host, under any of its names. */
export function authoritiesOf(
  known: readonly KnownHost[],
  names: readonly string[],
): { readonly trusted: readonly string[]; readonly revoked: readonly string[] } {
  const keys = (marker: KnownHost['marker']): string[] =>
    known
      .filter((entry) => entry.marker === marker && names.some((name) => matches(entry.patterns, name)))
      .map(({ key }) => key);
  return { trusted: keys('cert-authority'), revoked: keys('revoked') };
}

/** Key types known for a host: asked for first, so that a known host is not taken for an unknown one. */
export function knownKeyTypes(known: readonly KnownHost[], name: string): string[] {
  const entries = known.filter((entry) => entry.marker === undefined && matches(entry.patterns, name));
  return [...new Set(entries.map((entry) => entry.keyType))];
}

/** SHA256:… as ssh-keygen -l shows it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The first string of the wire format names the key's type (RFC 4253, 6.6). */
export function keyType(key: Buffer): string {
  return key.length < 4 ? '' : key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
}

function matches(patterns: string, name: string): boolean {
  if (patterns.startsWith('|1|')) return matchesHashed(patterns, name);
  const list = patterns.split(',');
  const hit = (pattern: string): boolean => matchesName(pattern, name);
  return !list.some((one) => one.startsWith('!') && hit(one.slice(1))) && list.some((one) => hit(one));
}

/** |1|base64(salt)|base64(HMAC-SHA1(salt, name)) */
function matchesHashed(field: string, name: string): boolean {
  const [salt = '', digest = ''] = field.slice(3).split('|');
  const wanted = Buffer.from(digest, 'base64');
  const found = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return wanted.length === found.length && timingSafeEqual(wanted, found);
}

/** Whether a name fits a pattern with `*` and `?` (ssh_config(5), PATTERNS). */
export function matchesName(pattern: string, name: string): boolean {
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${escaped}$`, 'i').test(name);
}
