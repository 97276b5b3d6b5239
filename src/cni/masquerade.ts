import type { Cidr } from '../config/cidr.ts';

/** One expression of an nftables rule, as libnftables-json(5) writes it. */
export type Expression = Readonly<Record<string, unknown>>;

export interface NftChain {
  readonly name: string;
  readonly type: string;
  readonly hook: string;
  readonly prio: number;
  readonly policy: string;
  readonly rules: readonly (readonly Expression[])[];
}

export interface NftTable {
  readonly family: 'ip' | 'ip6';
  readonly name: string;
  readonly chains: readonly NftChain[];
}

/** The nftables table that is ours alone. */
export const NFT_TABLE = 'kadm';

/** Multicast is not masqueraded: its sender must stay recognisable (flannel does the same). */
const MULTICAST = { addr: '224.0.0.0', len: 4 } as const;
/** Priority of source NAT (nftables wiki, "srcnat"). */
const SRCNAT = 100;

/**
 * Source NAT of the pod network: pods keep their address among themselves, and get their node's where they
 * leave the network; what enters it from elsewhere gets the node's address too, so that answers come back the
 * way that they went. Ports are chosen at random: conntrack's races lose fewer packets then.
 */
export function masqueradeTable(clusterCidr: Cidr, podCidr: Cidr): NftTable {
  const cluster = prefix(clusterCidr);
  const masquerade = { masquerade: { flags: 'fully-random' } };
  const accept = { return: null };
  return {
    family: 'ip',
    name: NFT_TABLE,
    chains: [
      {
        name: 'postrouting',
        type: 'nat',
        hook: 'postrouting',
        prio: SRCNAT,
        policy: 'accept',
        rules: [
          [match('saddr', '==', cluster), match('daddr', '==', cluster), accept],
          [match('saddr', '==', cluster), match('daddr', '!=', MULTICAST), masquerade],
          [match('saddr', '!=', cluster), match('daddr', '==', prefix(podCidr)), accept],
          [match('saddr', '!=', cluster), match('daddr', '==', cluster), masquerade],
        ],
      },
    ],
  };
}

/** What `nft -j -f -` takes to make the table exactly this, in one transaction. */
export function tableCommands(table: NftTable): object {
  const { family, name } = table;
  const commands: object[] = [
    { add: { table: { family, name } } },
    { delete: { table: { family, name } } },
    { add: { table: { family, name } } },
  ];
  for (const { rules, ...chain } of table.chains) {
    commands.push({ add: { chain: { family, table: name, ...chain } } });
    for (const expr of rules)
      commands.push({ add: { rule: { family, table: name, chain: chain.name, expr } } });
  }
  return { nftables: commands };
}

function prefix({ text, prefix: len }: Cidr): Expression {
  return { addr: text.slice(0, text.indexOf('/')), len };
}

function match(field: 'saddr' | 'daddr', op: '==' | '!=', right: Expression): Expression {
  return { match: { op, left: { payload: { protocol: 'ip', field } }, right: { prefix: right } } };
}
