import type { Cidr } from '../config/cidr.ts';

const BITS = { 4: 32, 6: 128 } as const;

/** A CIDR in few bytes: a number for IPv4, of which there may be thousands, a text for IPv6. */
type Key = number | string;

/** Whose a CIDR is, by its first bits, as many as the level has. */
interface Level {
  /** CIDRs of this length. */
  readonly own: Map<Key, string>;
  /** CIDRs of this length that hold longer ones. */
  readonly above: Map<Key, string>;
}

/**
 * CIDRs of which no two share an address. Two CIDRs that overlap always contain one another, so a new one
 * collides exactly when it, or one that it lies in, is there, or when it contains one that is. Only lengths that
 * occur are looked at: in a cluster that is one, and a lookup or two do, however many CIDRs there are.
 */
export class CidrSet {
  readonly #levels = { 4: new Map<number, Level>(), 6: new Map<number, Level>() } as const;
  readonly #all: { readonly cidr: Cidr; readonly owner: string }[] = [];

  /** Adds it for this owner, or returns the owner of one that it overlaps with. */
  add(cidr: Cidr, owner: string): string | undefined {
    const { own, above } = this.#level(cidr);
    const key = keyAt(cidr, cidr.prefix);
    const levels = this.#levels[cidr.family];
    let other = above.get(key);
    for (const [length, level] of levels)
      if (length <= cidr.prefix) other ??= level.own.get(keyAt(cidr, length));
    if (other !== undefined) return other;
    own.set(key, owner);
    this.#all.push({ cidr, owner });
    for (const [length, level] of levels)
      if (length < cidr.prefix) level.above.set(keyAt(cidr, length), owner);
    return undefined;
  }

  #level({ family, prefix }: Cidr): Level {
    const present = this.#levels[family].get(prefix);
    if (present !== undefined) return present;
    const level: Level = { own: new Map(), above: new Map() };
    for (const { cidr, owner } of this.#all)
      if (cidr.family === family && cidr.prefix > prefix) level.above.set(keyAt(cidr, prefix), owner);
    this.#levels[family].set(prefix, level);
    return level;
  }
}

function keyAt({ family, base }: Cidr, length: number): Key {
  if (family === 4) return Math.floor(Number(base) / 2 ** (32 - length));
  return (base >> BigInt(BITS[family] - length)).toString(36);
}
