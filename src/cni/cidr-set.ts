import type { Cidr } from '../config/cidr.ts';

const BITS = { 4: 32, 6: 128 } as const;

/**
 * CIDRs of which no two share an address. Two CIDRs that overlap always contain one another, so a new one
 * collides exactly when it, or one that it lies in, is there, or when it contains one that is: a few lookups,
 * however many there are.
 */
export class CidrSet {
  readonly #owners = new Map<string, string>();
  /** Of every CIDR that lies above a present one: whose that is. */
  readonly #above = new Map<string, string>();

  /** Adds it for this owner, or returns the owner of one that it overlaps with. */
  add(cidr: Cidr, owner: string): string | undefined {
    const enclosing = [...enclosingKeys(cidr)];
    const key = enclosing[0] ?? '';
    const other = this.#above.get(key) ?? firstOf(enclosing, this.#owners);
    if (other !== undefined) return other;
    this.#owners.set(key, owner);
    for (const one of enclosing.slice(1)) this.#above.set(one, owner);
    return undefined;
  }
}

/** The CIDR itself, then those that it lies in, each twice as large as the one before. */
function* enclosingKeys({ family, base, prefix }: Cidr): Generator<string> {
  for (let length = prefix; length >= 0; length -= 1) {
    const bits = BigInt(BITS[family] - length);
    yield `${family}/${length}/${(base >> bits).toString(36)}`;
  }
}

function firstOf(keys: readonly string[], map: ReadonlyMap<string, string>): string | undefined {
  for (const key of keys) {
    const found = map.get(key);
    if (found !== undefined) return found;
  }
  return undefined;
}
