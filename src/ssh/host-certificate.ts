import { verify } from 'node:crypto';
import ssh2 from 'ssh2';
import { matchesName } from './known-hosts.ts';
import { WireReader, wireString } from './wire.ts';

/** Types of certificates (OpenSSH's PROTOCOL.certkeys), that of the key in them, and how many fields that key has. */
const TYPES: Readonly<Record<string, { readonly keyType: string; readonly fields: number }>> = {
  'ssh-ed25519-cert-v01@openssh.com': { keyType: 'ssh-ed25519', fields: 1 },
  'ecdsa-sha2-nistp256-cert-v01@openssh.com': { keyType: 'ecdsa-sha2-nistp256', fields: 2 },
  'ecdsa-sha2-nistp384-cert-v01@openssh.com': { keyType: 'ecdsa-sha2-nistp384', fields: 2 },
  'ecdsa-sha2-nistp521-cert-v01@openssh.com': { keyType: 'ecdsa-sha2-nistp521', fields: 2 },
  'ssh-rsa-cert-v01@openssh.com': { keyType: 'ssh-rsa', fields: 2 },
};

/** How an authority signs: the type of its key, the digest, and for ECDSA the bytes of one half of the signature. */
const SIGNATURES: Readonly<
  Record<string, { readonly keyType: string; readonly digest: string | null; readonly half?: number }>
> = {
  'ssh-ed25519': { keyType: 'ssh-ed25519', digest: null },
  'ecdsa-sha2-nistp256': { keyType: 'ecdsa-sha2-nistp256', digest: 'sha256', half: 32 },
  'ecdsa-sha2-nistp384': { keyType: 'ecdsa-sha2-nistp384', digest: 'sha384', half: 48 },
  'ecdsa-sha2-nistp521': { keyType: 'ecdsa-sha2-nistp521', digest: 'sha512', half: 66 },
  'rsa-sha2-256': { keyType: 'ssh-rsa', digest: 'sha256' },
  'rsa-sha2-512': { keyType: 'ssh-rsa', digest: 'sha512' },
};

const HOST = 2;

export interface HostCertificate {
  /** Type and content of the plain key that is certified, as the host shows it (SSH wire format). */
  readonly keyType: string;
  readonly key: Buffer;
  /** 1 for a user's, 2 for a host's. */
  readonly kind: number;
  readonly principals: readonly string[];
  /** Seconds since 1970; the end is exclusive. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: readonly string[];
  /** Public key of who signed it (SSH wire format). */
  readonly authority: Buffer;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** @throws Error for what is no certificate of a known type */
export function parseHostCertificate(blob: Buffer): HostCertificate {
  const reader = new WireReader(blob);
  const type = TYPES[reader.text()];
  if (type === undefined) throw new Error('it is of an unknown type');
  reader.string(); // nonce
  const start = reader.at;
  for (let field = 0; field < type.fields; field += 1) reader.string();
  const key = Buffer.concat([wireString(type.keyType), blob.subarray(start, reader.at)]);
  reader.uint64(); // serial number
  const kind = reader.uint32();
  reader.string(); // identifier
  const principals = stringsIn(reader.string());
  const [validAfter, validBefore] = [reader.uint64(), reader.uint64()];
  // Pairs of a name and a value.
  const criticalOptions = stringsIn(reader.string()).filter((_, index) => index % 2 === 0);
  reader.string(); // extensions
  reader.string(); // reserved
  const authority = reader.string();
  const signed = blob.subarray(0, reader.at);
  const signature = reader.string();
  if (!reader.atEnd) throw new Error('something comes after its signature');
  const { keyType } = type;
  return {
    ...{ keyType, key, kind, principals, validAfter, validBefore, criticalOptions },
    ...{ authority, signed, signature },
  };
}

function stringsIn(list: Buffer): string[] {
  const reader = new WireReader(list);
  const found: string[] = [];
  while (!reader.atEnd) found.push(reader.text());
  return found;
}

/**
 * Why a certificate does not say that a host has its key; undefined when it does. Whether its authority is trusted is
 * another question.
 * @param now milliseconds since 1970
 */
export function objection(certificate: HostCertificate, host: string, now: number): string | undefined {
  const { kind, principals, validAfter, validBefore, criticalOptions } = certificate;
  const seconds = BigInt(Math.floor(now / 1000));
  if (!signedByAuthority(certificate)) return 'its signature is wrong';
  if (kind !== HOST) return 'it is that of a user';
  // To be valid for all hosts it has to say so.
  if (!principals.some((pattern) => matchesName(pattern, host))) {
    return `it is for ${principals.length === 0 ? 'no host by name' : principals.join(', ')}, not for ${host}`;
  }
  if (seconds < validAfter) return `it is valid only from ${timeOf(validAfter)}`;
  if (seconds >= validBefore) return `it has expired at ${timeOf(validBefore)}`;
  // None is defined for hosts; what is not understood must be refused.
  if (criticalOptions.length > 0) return `it demands ${criticalOptions.join(', ')}`;
  return undefined;
}

function timeOf(seconds: bigint): string {
  return new Date(Number(seconds) * 1000).toISOString();
}

function signedByAuthority({ authority, signed, signature }: HostCertificate): boolean {
  try {
    const reader = new WireReader(signature);
    const way = SIGNATURES[reader.text()];
    const raw = reader.string();
    const keyType = new WireReader(authority).text();
    if (way?.keyType !== keyType) return false;
    const key = ssh2.utils.parseKey(`${keyType} ${authority.toString('base64')}`);
    if (key instanceof Error) return false;
    if (way.half === undefined) return verify(way.digest, signed, key.getPublicPEM(), raw);
    const halves = Buffer.concat([fixed(raw, 0, way.half), fixed(raw, 1, way.half)]);
    return verify(way.digest, signed, { key: key.getPublicPEM(), dsaEncoding: 'ieee-p1363' }, halves);
  } catch {
    // What cannot be read is signed by nobody.
    return false;
  }
}

/** One of the two numbers of an ECDSA signature (RFC 5656, 3.1.2), in exactly so many bytes. */
function fixed(signature: Buffer, index: 0 | 1, length: number): Buffer {
  const reader = new WireReader(signature);
  const numbers = [reader.string(), reader.string()] as const;
  const digits = numbers[index].subarray(Math.max(0, numbers[index].length - length));
  return Buffer.concat([Buffer.alloc(length - digits.length), digits]);
}
