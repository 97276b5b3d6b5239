import type { Cidr } from '../config/cidr.ts';
import { FAMILY } from '../config/family.ts';

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

/** Priority of source NAT (nftables wiki, "srcnat"). */
const SRCNAT = 100;

/** Priority of a filter: destination NAT, which is what makes a Service of an address, comes before it. */
const FILTER = 0;

export interface NetworkTableOptions {
  /** The cluster's pod CIDR that the node's lies in. */
  readonly clusterCidr: Cidr;
  readonly podCidr: Cidr;
  readonly serviceCidrs: readonly Cidr[];
}

/**
 * Source NAT of the pod network: pods keep their address among themselves, and get their node's where they
 * leave the network; what enters it from elsewhere gets the node's address too, so that answers come back the
 * way that they went. Ports are chosen at random: conntrack's races lose fewer packets then.
 *
 * A pod that asks for a Service which kube-proxy does not know (yet) is refused at once. It would otherwise be
 * sent out by the default route and mostly hear nothing: whoever starts a moment before kube-proxy, CoreDNS
 * for one, would wait 30 s for its first connection.
 */
export function networkTable({ clusterCidr, podCidr, serviceCidrs }: NetworkTableOptions): NftTable {
  const { family } = clusterCidr;
  const { nft, icmp, multicast } = FAMILY[family];
  const match = matcher(nft);
  const cluster = prefix(clusterCidr);
  const masquerade = { masquerade: { flags: 'fully-random' } };
  const accept = { return: null };
  const refuse = { reject: { type: icmp, expr: 'port-unreachable' } };
  return {
    family: nft,
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
          // The sender of a multicast packet must stay recognisable (flannel does the same).
          [match('saddr', '==', cluster), match('daddr', '!=', multicast), masquerade],
          [match('saddr', '!=', cluster), match('daddr', '==', prefix(podCidr)), accept],
          [match('saddr', '!=', cluster), match('daddr', '==', cluster), masquerade],
        ],
      },
      {
        name: 'forward',
        type: 'filter',
        hook: 'forward',
        prio: FILTER,
        policy: 'accept',
        rules: serviceCidrs
          .filter((cidr) => cidr.family === family)
          .map((cidr) => [match('daddr', '==', prefix(cidr)), refuse]),
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

type Match = (field: 'saddr' | 'daddr', op: '==' | '!=', right: Expression) => Expression;

function matcher(protocol: NftTable['family']): Match {
  return (field, op, right) => ({
    match: { op, left: { payload: { protocol, field } }, right: { prefix: right } },
  });
}
