import { z } from 'zod';

/** Tables and chains that iptables-nft makes by itself (iptables(8), "TABLES"). */
const TABLES = ['filter', 'nat', 'mangle', 'raw', 'security'] as const;
const CHAINS: ReadonlySet<string> = new Set(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']);

/** `family name` of each. */
export const BASE_TABLES: readonly string[] = TABLES.flatMap((name) => [`ip ${name}`, `ip6 ${name}`]);

const listing = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) });
const baseChain = z.object({ name: z.string(), hook: z.string(), policy: z.literal('accept') });

/**
 * Whether a table, as `nft -j list table` prints it, is just what iptables-nft leaves behind when its last rule
 * goes: its own chains, which let everything pass. A rule, a set, another chain or policy is somebody's.
 */
export function isEmptyBaseTable(text: string): boolean {
  const { nftables } = listing.parse(JSON.parse(text));
  return nftables.every((item) => {
    if ('metainfo' in item || 'table' in item) return true;
    const chain = baseChain.safeParse(item.chain);
    return chain.success && CHAINS.has(chain.data.name);
  });
}
