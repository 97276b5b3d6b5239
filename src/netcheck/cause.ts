import type { ProbeSize } from '../agent/probe-series.ts';
import type { Burst } from '../agent/prober.ts';
import type { AgentStatus } from '../agent/status.ts';
import { contains, parseCidr } from '../config/cidr.ts';

/** What a pair of nodes is known by: their agents' words before and after a burst of probes from one to the other. */
export interface PairEvidence {
  readonly from: string;
  readonly to: string;
  /** Of the packets that do not pass. */
  readonly family: 'IPv4' | 'IPv6';
  /** UDP port of the tunnel. */
  readonly port: number;
  readonly before: Readonly<{ from?: AgentStatus | undefined; to?: AgentStatus | undefined }>;
  readonly after: Readonly<{ from?: AgentStatus | undefined; to?: AgentStatus | undefined }>;
  /** Undefined where the agent could not be asked, or does not know the peer. */
  readonly burst: Readonly<Record<ProbeSize, Burst>> | undefined;
  /** Addresses of the two check pods, where they ran. */
  readonly podAddresses: Readonly<{ from: readonly string[]; to: readonly string[] }>;
}

export type CauseKind =
  | 'competing-cni'
  | 'missing-route'
  | 'left-out'
  | 'rp-filter'
  | 'checksum-offload'
  | 'mtu'
  | 'blocked-udp'
  | 'forwarding'
  | 'agent'
  | 'unknown';

export interface Cause {
  readonly kind: CauseKind;
  readonly text: string;
}

/** Of a burst this part must leave a trace in a counter, so that other traffic is not taken for it. */
const TRACE = 0.5;

/** The likely cause for which `from` does not reach the pods of `to`: the first of which there is evidence. */
export function likelyCause(evidence: PairEvidence): Cause {
  const rules = [agentSilent, competingCni, wayNotInstalled, dropped, tooLong, notArriving, pathWorks];
  for (const rule of rules) {
    const cause = rule(evidence);
    if (cause !== undefined) return cause;
  }
  const { from, to } = evidence;
  return {
    kind: 'unknown',
    text: `packets from ${from} reach ${to}, and are not answered; look at both with \`nft list ruleset\` and \`tcpdump -ni any udp port ${evidence.port}\``,
  };
}

type Rule = (evidence: PairEvidence) => Cause | undefined;

const agentSilent: Rule = ({ from, to, before }) => {
  const silent = before.from === undefined ? from : before.to === undefined ? to : undefined;
  if (silent === undefined) return undefined;
  return {
    kind: 'agent',
    text: `the agent of ${silent} gives no answer: \`journalctl -u kadm-agent\` there`,
  };
};

/** A CNI configuration that the container runtime of a node takes before kadm's. */
export function otherCni(node: string, status: AgentStatus | undefined): Cause | undefined {
  const [file] = status?.host.competingCni ?? [];
  if (file === undefined) return undefined;
  return {
    kind: 'competing-cni',
    text: `on ${node} the container runtime takes /etc/cni/net.d/${file} before kadm's: move it away`,
  };
}

const competingCni: Rule = ({ before, podAddresses, from, to }) => {
  for (const [node, status, addresses] of [
    [from, before.from, podAddresses.from],
    [to, before.to, podAddresses.to],
  ] as const) {
    const other = otherCni(node, status);
    if (other !== undefined) return other;
    const cidrs = (status?.networks ?? []).map(({ podCidr }) => podCidr);
    const foreign = addresses.find((one) => !cidrs.some((cidr) => contains(parseCidr(cidr), one)));
    if (foreign !== undefined && cidrs.length > 0) {
      return {
        kind: 'competing-cni',
        text: `pods of ${node} get addresses such as ${foreign}, outside of its ${cidrs.join(' and ')}: another CNI configuration is in use`,
      };
    }
  }
  return undefined;
};

/** What an agent says of its node's network in the family that is broken. */
function networkOf(
  status: AgentStatus | undefined,
  family: PairEvidence['family'],
): AgentStatus['networks'][number] | undefined {
  return status?.networks.find((one) => one.family === family);
}

const wayNotInstalled: Rule = ({ from, to, family, before }) => {
  for (const [node, status, peer, peerStatus] of [
    [from, before.from, to, before.to],
    [to, before.to, from, before.from],
  ] as const) {
    const refusal = status?.refusals.find((one) => one.node === peer);
    if (refusal !== undefined)
      return { kind: 'left-out', text: `${node} leaves Node ${peer} out of the network: ${refusal.reason}` };
    const cidr = networkOf(peerStatus, family)?.podCidr ?? '';
    const conflict = status?.conflicts.find((text) => cidr !== '' && text.includes(cidr));
    if (conflict !== undefined)
      return { kind: 'missing-route', text: `${node} has no route to the pods of ${peer}: ${conflict}` };
    if (status !== undefined && !status.probes.some((one) => one.node === peer && one.family === family))
      return {
        kind: 'missing-route',
        text: `${node} has no route to the pods of ${peer}: see its agent's log, and the annotations of Node ${peer}`,
      };
  }
  return undefined;
};

const dropped: Rule = (evidence) => {
  for (const side of ['to', 'from'] as const) {
    const node = evidence[side];
    if (grown(evidence, side, 'reversePathDrops')) {
      const strict = evidence.before[side]?.host.strictReversePath.join(', ') ?? '';
      return {
        kind: 'rp-filter',
        text: `${node} drops packets by strict reverse path filtering (rp_filter=1 on ${strict}): the way back is by another interface; set net.ipv4.conf.*.rp_filter to 2 there, or mend its routes`,
      };
    }
    if (grown(evidence, side, 'checksumErrors')) {
      const other = side === 'to' ? evidence.from : evidence.to;
      const device = networkOf(evidence.before[side], evidence.family)?.device ?? 'flannel.1';
      return {
        kind: 'checksum-offload',
        text: `packets reach ${node} with wrong checksums: checksum offload of ${other} is at fault; on ${other}: ethtool -K ${device} tx-checksum-ip-generic off`,
      };
    }
  }
  return undefined;
};

const tooLong: Rule = ({ burst, from, to, before }) => {
  if (burst === undefined || burst.small.answered === 0 || burst.full.answered > 0) return undefined;
  const mtu = before.from?.mtu;
  return {
    kind: 'mtu',
    text: `small packets pass between ${from} and ${to}, those of ${mtu ?? 'full'} bytes do not: the network between them has a smaller MTU than its interfaces say; lower it on the nodes' interfaces, or raise it in between`,
  };
};

const notArriving: Rule = (evidence) => {
  const { burst, from, to, port } = evidence;
  if (burst === undefined || burst.small.answered > 0) return undefined;
  if (!received(evidence, 'to'))
    return {
      kind: 'blocked-udp',
      text: `what ${from} sends does not arrive at ${to}: UDP port ${port} is blocked between them; open it on both, and in the network between`,
    };
  if (!received(evidence, 'from'))
    return {
      kind: 'blocked-udp',
      text: `what ${to} answers does not arrive at ${from}: UDP port ${port} is blocked between them; open it on both, and in the network between`,
    };
  return undefined;
};

const pathWorks: Rule = ({ burst, from, to }) => {
  if (burst === undefined || burst.full.answered === 0) return undefined;
  return {
    kind: 'forwarding',
    text: `the hosts ${from} and ${to} reach each other through the pod network, their pods do not: a firewall there drops forwarded packets (chain FORWARD, policy DROP)`,
  };
};

function grown(evidence: PairEvidence, side: 'from' | 'to', counter: string): boolean {
  const { before, after } = evidence;
  return leftTrace(evidence, before[side]?.host.counters[counter], after[side]?.host.counters[counter]);
}

/** Whether packets arrived by the device of the network that is broken. */
function received(evidence: PairEvidence, side: 'from' | 'to'): boolean {
  const { before, after, family } = evidence;
  return leftTrace(
    evidence,
    networkOf(before[side], family)?.received,
    networkOf(after[side], family)?.received,
  );
}

function leftTrace({ burst }: PairEvidence, first: number | undefined, last: number | undefined): boolean {
  if (first === undefined || last === undefined || burst === undefined) return false;
  const lost = burst.small.sent - burst.small.answered + burst.full.sent - burst.full.answered;
  return last - first >= Math.max(1, Math.min(lost, burst.small.sent) * TRACE);
}
