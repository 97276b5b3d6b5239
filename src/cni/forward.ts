import type { Cidr } from '../config/cidr.ts';

/** Our chain in the table filter of iptables, and what leads to it. */
export const FORWARD_CHAIN = 'KADM-FORWARD';
const JUMP = `-A FORWARD -j ${FORWARD_CHAIN}`;

/** Of the host's iptables, what decides about traffic that it passes on. */
export interface ForwardState {
  /** Whether FORWARD drops what no rule lets pass. */
  readonly drops: boolean;
  /** Rules of our chain, and the jump to it, as iptables-save writes them; undefined without the chain. */
  readonly rules: readonly string[] | undefined;
}

/**
 * Rules that let the pod network pass where the host drops what it forwards, as Docker makes it; none elsewhere.
 * They come after all others, so that what kube-proxy and the host's owner refuse stays refused. nftables cannot
 * do it in a table of our own: what one table drops no other brings back.
 */
export function forwardRules(clusterCidr: Cidr): readonly string[] {
  return [
    JUMP,
    `-A ${FORWARD_CHAIN} -s ${clusterCidr.text} -j ACCEPT`,
    `-A ${FORWARD_CHAIN} -d ${clusterCidr.text} -j ACCEPT`,
  ];
}

/** Whether the host's rules are not what its policy asks for. */
export function forwardDiffers(wanted: readonly string[], { drops, rules }: ForwardState): boolean {
  if (!drops) return rules !== undefined;
  return [...wanted].sort().join('\n') !== [...(rules ?? [])].sort().join('\n');
}

/** Input of `iptables-restore --noflush` that makes the rules these, or removes them. */
export function forwardCommands(rules: readonly string[], present: ForwardState): string {
  const had = (present.rules ?? []).filter((rule) => rule === JUMP);
  const lines = [
    '*filter',
    // Declaring a chain makes it, or empties it.
    `:${FORWARD_CHAIN} - [0:0]`,
    ...had.map((rule) => rule.replace(/^-A/, '-D')),
    ...rules,
    ...(rules.length === 0 ? [`-X ${FORWARD_CHAIN}`] : []),
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}

/** Of a host without iptables: there is nothing that we could be dropped by there. */
export const NO_FORWARD: ForwardState = { drops: false, rules: undefined };

/** @param save what `iptables-save -t filter` prints */
export function parseForward(save: string): ForwardState {
  const lines = save.split('\n');
  const chain = lines.some((line) => line.startsWith(`:${FORWARD_CHAIN} `));
  const rules = lines.filter((line) => line === JUMP || line.startsWith(`-A ${FORWARD_CHAIN} `));
  return { drops: lines.some((line) => line.startsWith(':FORWARD DROP ')), rules: chain ? rules : undefined };
}
