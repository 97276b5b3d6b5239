import type { Member } from './client.ts';

/** Members that have to agree: more than half of those with a vote. */
export function quorum(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** What a host that wants to be a member has to do first. */
export type Joining =
  | { readonly step: 'add' }
  /** It is one, perhaps of an earlier run. */
  | { readonly step: 'go-on'; readonly member: Member }
  /** The host lost the data with which it was one: etcd takes it only as a new one. */
  | { readonly step: 'replace'; readonly member: Member };

/**
 * @param peerURL of the host
 * @param hasData whether there is data of etcd on it
 */
export function joining(members: readonly Member[], peerURL: string, hasData: boolean): Joining {
  const member = members.find(({ peerURLs }) => peerURLs.includes(peerURL));
  if (member === undefined) return { step: 'add' };
  // One without a name has never started.
  return { step: member.name !== '' && !hasData ? 'replace' : 'go-on', member };
}

/** The flag `--initial-cluster` of a member that joins: all of them, itself by the name that it will have. */
export function initialCluster(members: readonly Member[], peerURL: string, name: string): string {
  return members
    .flatMap((member) =>
      member.peerURLs.map((url) => `${url === peerURL ? name : member.name || member.ID}=${url}`),
    )
    .join(',');
}

/** What becomes of the cluster when a member leaves. */
export type Leaving =
  /** It is none, or the only one: there is nothing to leave. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'leave'; readonly member: Member }
  | {
      readonly kind: 'would-break';
      readonly member: Member;
      /** The others with a vote, of which too few are well. */
      readonly unwell: readonly Member[];
      readonly left: number;
    };

/**
 * @param isSelf whether a member is the host that leaves
 * @param well IDs of the members that answer
 */
export function leaving(
  members: readonly Member[],
  isSelf: (member: Member) => boolean,
  well: ReadonlySet<string>,
): Leaving {
  const member = members.find(isSelf);
  if (member === undefined || members.length === 1) return { kind: 'nothing' };
  if (member.isLearner) return { kind: 'leave', member };
  const left = members.filter((one) => one !== member && !one.isLearner);
  const unwell = left.filter(({ ID }) => !well.has(ID));
  if (left.length - unwell.length >= quorum(left.length)) return { kind: 'leave', member };
  return { kind: 'would-break', member, unwell, left: left.length };
}
