import { describe, expect, it } from 'vitest';
import { networkTable, tableCommands } from '../../../src/cni/network-table.ts';
import { parseTable } from '../../../src/cni/nft-table.ts';
import { parseCidr } from '../../../src/config/cidr.ts';

const table = networkTable({
  clusterCidr: parseCidr('10.244.0.0/16'),
  podCidr: parseCidr('10.244.1.0/24'),
  serviceCidrs: [parseCidr('10.96.0.0/12')],
});

/** What nft 1.0.6 and 1.1.3 print after the table was made: the same, with handles and their own particulars. */
function printed(change: (items: object[]) => object[] = (items) => items): string {
  const where = { family: 'ip', table: 'kadm' };
  const chains = table.chains.flatMap(({ rules, ...base }, number) => [
    { chain: { ...where, handle: number + 1, ...base } },
    ...rules.map((expr, index) => ({ rule: { ...where, chain: base.name, handle: index + 9, expr } })),
  ]);
  const items = [
    { metainfo: { version: '1.1.3', release_name: 'Commodore Bullmoose #4', json_schema_version: 1 } },
    { table: { family: 'ip', name: 'kadm', handle: 2 } },
    ...chains,
  ];
  return JSON.stringify({ nftables: change(items) });
}

describe('the nftables table', () => {
  it('is recognised when nft prints it', () => {
    expect(parseTable(printed(), 'ip', 'kadm')).toEqual(table);
  });

  it('differs when a rule is missing', () => {
    expect(
      parseTable(
        printed((items) => items.slice(0, -1)),
        'ip',
        'kadm',
      ),
    ).not.toEqual(table);
  });

  it('is not ours when somebody put something else into it', () => {
    const set = { set: { family: 'ip', table: 'kadm', name: 'x', type: 'ipv4_addr' } };
    expect(
      parseTable(
        printed((items) => [...items, set]),
        'ip',
        'kadm',
      ),
    ).toBeUndefined();
  });

  it('is replaced in one transaction', () => {
    const { nftables } = tableCommands(table) as { nftables: object[] };
    expect(nftables.slice(0, 3).map((command) => Object.keys(command)[0])).toEqual(['add', 'delete', 'add']);
    expect(nftables).toHaveLength(3 + (1 + 4) + (1 + 1));
  });
});
