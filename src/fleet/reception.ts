import type { Artifact } from '../components/store.ts';
import { messageOf, UserError } from '../errors.ts';
import type { Emit } from '../phases/events.ts';
import type { ClusterNode, NodeMarks } from './nodes.ts';

/** Longer than a join is allowed to take, and no longer. */
export const JOIN_TOKEN_TTL_SECONDS = 20 * 60;

/** Where joining workers get components: the digests go to them over SSH, the files come from the URL. */
export interface ComponentOffer {
  readonly kubernetesVersion: string;
  readonly url: string;
  readonly artifacts: readonly Artifact[];
}

/** What a worker has to know of the cluster that it joins, without the token. */
export interface ClusterPin {
  /** host:port of the API server. */
  readonly endpoint: string;
  /** sha256:HEX */
  readonly caCertHash: string;
}

/** What a master does for workers that join: it serves components, and a token lives as long as that. */
export interface Reception {
  readonly offer: ComponentOffer;
  /** Lets workers in with this token until the end. */
  admit(token: string): Promise<ClusterPin>;
  /** The same for a token that init is about to make. */
  expect(token: string): Promise<void>;
  /** Keeps the certificates of this control plane in the cluster until the end, for others that have the key. */
  uploadCertificates(key: string): Promise<void>;
  nodes(): Promise<ClusterNode[]>;
  /** Tells a Node what its file says of it. */
  mark(marks: NodeMarks): Promise<void>;
  /** Moves the pods of a node to others. */
  drain(node: string): Promise<void>;
  /** Deletes a Node. */
  forget(node: string): Promise<void>;
  /** What does not get through between this master and a node, a line each. */
  probe(node: string): Promise<string[]>;
  /** Serves nothing more, revokes the token, and takes the certificates back. */
  close(): Promise<void>;
}

/** @throws UserError when a node that has joined is not reached as nodes have to be */
export async function demandReachable(reception: Reception, host: string, node: string): Promise<void> {
  const problems = await reception.probe(node);
  if (problems.length === 0) return;
  throw new UserError(`${host}: it has joined as ${node}, but ${problems.join('; ')}`, {
    remedy:
      'open it in the firewalls of both hosts and between them: TCP 10250 to every node, TCP 6443 to the control plane, UDP 8472 between all nodes',
  });
}

/** Ends a reception. What that fails of is told, and never in place of what came before. */
export async function closeReception(reception: Reception | undefined, emit: Emit): Promise<void> {
  try {
    await reception?.close();
  } catch (error) {
    const message = `the join token could not be revoked; it ends by itself: ${messageOf(error)}`;
    emit({ type: 'warning', path: [], message });
  }
}
