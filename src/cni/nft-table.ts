import * as z from 'zod/mini';
import type { Expression, NftTable } from './network-table.ts';

const expression = z.record(z.string(), z.unknown());

/** Of libnftables-json(5) what our table consists of; anything else in it was put there by somebody else. */
const itemSchema = z.union([
  z.strictObject({ metainfo: z.unknown() }),
  z.strictObject({ table: z.unknown() }),
  z.strictObject({
    chain: z.object({
      name: z.string(),
      type: z.string(),
      hook: z.string(),
      prio: z.number(),
      policy: z.string(),
    }),
  }),
  z.strictObject({ rule: z.object({ chain: z.string(), expr: z.array(expression) }) }),
]);

const listSchema = z.object({ nftables: z.array(itemSchema) });

/** The table as `nft` prints it; undefined where there is none, or one with parts that ours never has. */
export function parseTable(text: string, family: NftTable['family'], name: string): NftTable | undefined {
  const result = listSchema.safeParse(JSON.parse(text));
  if (!result.success) return undefined;
  const rules = new Map<string, Expression[][]>();
  const chains: NftTable['chains'][number][] = [];
  for (const item of result.data.nftables) {
    if ('chain' in item) {
      const own: Expression[][] = [];
      rules.set(item.chain.name, own);
      chains.push({ ...item.chain, rules: own });
    }
    if ('rule' in item) rules.get(item.rule.chain)?.push(item.rule.expr);
  }
  return { family, name, chains };
}
