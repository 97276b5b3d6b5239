import ipaddr from 'ipaddr.js';

/** An IP network in CIDR notation, already checked: no host bits set. */
export interface Cidr {
  readonly text: string;
  readonly family: 4 | 6;
  readonly prefix: number;
  /** The first address as a number; a CIDR of prefix p holds 2^(bits - p) addresses from here. */
  readonly base: bigint;
}

const BITS = { 4: 32, 6: 128 } as const;

const DOT = '.'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);

/** @throws Error saying what is wrong with the text. */
export function parseCidr(text: string): Cidr {
  return parsePlain(text) ?? parseAny(text);
}

/** The usual spelling, which is read a hundred times as fast: agents read thousands. Undefined for any other. */
function parsePlain(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const length = text.slice(slash + 1);
  const prefix = Number(length);
  const number = slash === -1 ? undefined : plainNumber(text.slice(0, slash));
  if (number === undefined || prefix > 32 || length !== String(prefix)) return undefined;
  if (number % 2 ** (32 - prefix) !== 0) return undefined;
  return { text, family: 4, prefix, base: BigInt(number) };
}

/** An IPv4 address as a number; undefined for what is not one in four decimal numbers. */
function plainNumber(text: string): number | undefined {
  let number = 0;
  let part = 0;
  let digits = 0;
  let parts = 1;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      if (digits === 0) return undefined;
      number = number * 256 + part;
      part = 0;
      digits = 0;
      parts += 1;
    } else {
      // 010 is 8 to some programs, and 10 to others.
      if (code < ZERO || code > ZERO + 9 || (digits > 0 && part === 0)) return undefined;
      part = part * 10 + code - ZERO;
      digits += 1;
      if (part > 255) return undefined;
    }
  }
  return parts === 4 && digits > 0 ? number * 256 + part : undefined;
}

function parseAny(text: string): Cidr {
  if (!ipaddr.isValidCIDR(text))
    throw new Error(`${JSON.stringify(text)} is not a CIDR such as 10.244.0.0/16`);
  const [address, prefix] = ipaddr.parseCIDR(text);
  const family = address.kind() === 'ipv4' ? 4 : 6;
  // Short forms such as 10.244/16 mean something else to other programs.
  if (family === 4 && !ipaddr.IPv4.isValidFourPartDecimal(text.slice(0, text.indexOf('/')))) {
    throw new Error(`${JSON.stringify(text)} is not a CIDR with an address of four numbers`);
  }
  const size = 1n << BigInt(BITS[family] - prefix);
  const number = toNumber(address.toByteArray());
  if (number % size !== 0n) {
    const wanted = `${formatAddress(number - (number % size), family)}/${prefix}`;
    throw new Error(`${text} has host bits set: the network of that length is ${wanted}`);
  }
  return { text: `${address.toString()}/${prefix}`, family, prefix, base: number };
}

/** The network of that length in which an address lies: 10.1.2.3 and 24 give 10.1.2.0/24. */
export function networkOfAddress(address: string, prefix: number): Cidr {
  const parsed = ipaddr.parse(address);
  const family = parsed.kind() === 'ipv4' ? 4 : 6;
  const size = 1n << BigInt(BITS[family] - prefix);
  const number = toNumber(parsed.toByteArray());
  return parseCidr(`${formatAddress(number - (number % size), family)}/${prefix}`);
}

/** The one spelling of an address that the kernel uses (RFC 5952). @param address that is known to be one */
export function canonicalAddress(address: string): string {
  return plainNumber(address) !== undefined ? address : ipaddr.parse(address).toString();
}

/** The address at this distance from the network's first one, as text. */
export function addressAt(cidr: Cidr, offset: number): string {
  return formatAddress(cidr.base + BigInt(offset), cidr.family);
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && a.base < end(b) && b.base < end(a);
}

export function contains(cidr: Cidr, address: string): boolean {
  const plain = plainNumber(address);
  if (plain !== undefined) {
    const base = Number(cidr.base);
    return cidr.family === 4 && plain >= base && plain < base + 2 ** (32 - cidr.prefix);
  }
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  const family = parsed.kind() === 'ipv4' ? 4 : 6;
  const number = toNumber(parsed.toByteArray());
  return family === cidr.family && number >= cidr.base && number < end(cidr);
}

function end(cidr: Cidr): bigint {
  return cidr.base + (1n << BigInt(BITS[cidr.family] - cidr.prefix));
}

function toNumber(bytes: readonly number[]): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function formatAddress(number: bigint, family: 4 | 6): string {
  const length = BITS[family] / 8;
  const bytes = Array.from({ length }, (_, index) =>
    Number((number >> BigInt(8 * (length - 1 - index))) & 0xffn),
  );
  return ipaddr.fromByteArray(bytes).toString();
}
