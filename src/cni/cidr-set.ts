import type { Cidr } from '../config/cidr.ts';

const BITS = { 4: 32, 6: 128 } as const;

/** A CIDR in few bytes: a number for IPv4, of which there may be thousands, a text for IPv6. */
type Key = number | string;

/**
 * CIDRs of which no two share an address. Two CIDRs that overlap always contain one another, so a new one
 * collides exactly when it, or one that it lies in, is there, or when it contains one that is: a few lookups,
 * however many there are.
 */
export class CidrSet {
  readonly #owners = new Map<Key, string>();
  /** Of every CIDR that lies above a present one: whose that is. */
  readonly #above = new Map<Key, string>();

  /** Adds it for this owner, or returns the owner of one that it overlaps with. */
  add(cidr: Cidr, owner: string): string | undefined {
    const enclosing = enclosingKeys(cidr);
    const [key = ''] = enclosing;
    const other = this.#above.get(key) ?? firstOf(enclosing, this.#owners);
    if (other !== undefined) return other;
    this.#owners.set(key, owner);
    for (const one of enclosing) if (one !== key) this.#above.set(one, owner);
    return undefined;
  }
}

/** The CIDR itself, then those that it lies in, each twice as large as the one before. */
function enclosingKeys({ family, base, prefix }: Cidr): Key[] {
  const keys: Key[] = [];
  const low = Number(BigInt.asUintN(32, base));
  for (let length = prefix; length >= 0; length -= 1) {
    if (family === 4) keys.push(length * 2 ** 32 + Math.floor(low / 2 ** (32 - length)));
    else keys.push(`${length}/${(base >> BigInt(BITS[family] - length)).toString(36)}`);
  }
  return keys;
}

function firstOf(keys: readonly Key[], map: ReadonlyMap<Key, string>): string | undefined {
  for (const key of keys) {
    const found = map.get(key);
    if (found !== undefined) return found;
  }
  return undefined;
}
