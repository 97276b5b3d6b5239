import { isIPv4 } from 'node:net';
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

/** @throws Error saying what is wrong with the text. */
export function parseCidr(text: string): Cidr {
  return parsePlain(text) ?? parseAny(text);
}

/** The usual spelling, which is read a hundred times as fast: agents read thousands. Undefined for any other. */
function parsePlain(text: string): Cidr | undefined {
  const [address = '', length = ''] = text.split('/', 2);
  const prefix = Number(length);
  if (!/^\d{1,2}$/.test(length) || prefix > 32 || !isIPv4(address)) return undefined;
  const number = plainNumber(address);
  if (number % 2 ** (32 - prefix) !== 0) return undefined;
  const canonical = `${address}/${prefix}`;
  return text === canonical ? { text, family: 4, prefix, base: BigInt(number) } : undefined;
}

/** @param address of four decimal numbers */
function plainNumber(address: string): number {
  let number = 0;
  for (const part of address.split('.')) number = number * 256 + Number(part);
  return number;
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
  return isIPv4(address) ? address : ipaddr.parse(address).toString();
}

/** The address at this distance from the network's first one, as text. */
export function addressAt(cidr: Cidr, offset: number): string {
  return formatAddress(cidr.base + BigInt(offset), cidr.family);
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && a.base < end(b) && b.base < end(a);
}

export function contains(cidr: Cidr, address: string): boolean {
  if (isIPv4(address)) {
    if (cidr.family !== 4) return false;
    const number = BigInt(plainNumber(address));
    return number >= cidr.base && number < end(cidr);
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
