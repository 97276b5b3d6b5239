import { isDeepStrictEqual } from 'node:util';
import type { Backend } from '../cni/backend.ts';
import type { Desired } from '../cni/desired.ts';
import { ANNOTATION, type NodeFacts } from '../cni/node-facts.ts';
import type { KubeClient } from '../kube/client.ts';

/** Whether this node's pods have their network, as its Node tells. */
export type NetworkState = { readonly ready: true } | { readonly ready: false; readonly why: string };

const MAX_MESSAGE = 500;

/** What a node tells of its network. */
export interface Announced extends Pick<Desired, 'link' | 'underlay'> {
  readonly backend: Backend;
  /** Why it has not the backend that it is wanted to have. */
  readonly refused: string | undefined;
}

/** The annotations by which peers, flannel's too, find the way to this node. */
export function announcedBy({
  backend,
  link,
  underlay,
  refused,
}: Announced): Readonly<Record<string, string | undefined>> {
  // As flannel writes them: host-gw has no data, and its DirectRouting, our auto, is of type vxlan.
  const tunnel = backend === 'host-gw' || link === undefined ? null : { VNI: link.vni, VtepMAC: link.mac };
  return {
    [ANNOTATION.backendData]: JSON.stringify(tunnel),
    [ANNOTATION.backendType]: backend === 'host-gw' ? 'host-gw' : 'vxlan',
    [ANNOTATION.subnetManager]: 'true',
    [ANNOTATION.publicIp]: underlay.address,
    [ANNOTATION.backend]: backend,
    [ANNOTATION.backendRefused]: refused,
  };
}

/** Those that the Node does not have like this; undefined when it has all. */
export function annotationPatch(node: NodeFacts, announced: Announced): object | undefined {
  const wanted = Object.entries(announcedBy(announced));
  const changed = wanted.filter(([key, value]) => node.annotations[key as never] !== value);
  if (changed.length === 0) return undefined;
  // In a merge patch null removes (RFC 7396).
  const annotations = Object.fromEntries(changed.map(([key, value]) => [key, value ?? null]));
  return { metadata: { annotations } };
}

/** The condition NetworkUnavailable, where the Node tells another one; undefined where it tells just that. */
export function conditionPatch(node: NodeFacts, state: NetworkState, now: Date): object | undefined {
  const wanted = state.ready
    ? { status: 'False', reason: 'KadmNetworkReady', message: 'the pod network is set up on this node' }
    : { status: 'True', reason: 'KadmNetworkFailed', message: state.why.slice(0, MAX_MESSAGE) };
  if (isDeepStrictEqual(node.own?.networkUnavailable, wanted)) return undefined;
  const time = now.toISOString();
  const times = { lastHeartbeatTime: time, lastTransitionTime: time };
  return { status: { conditions: [{ type: 'NetworkUnavailable', ...wanted, ...times }] } };
}

/** Brings the Node up to date with what is true here; asks the API only when something differs. */
export async function announce(
  client: Pick<KubeClient, 'patch'>,
  node: NodeFacts,
  announced: Announced | undefined,
  state: NetworkState,
): Promise<void> {
  const path = `/api/v1/nodes/${encodeURIComponent(node.name)}`;
  const annotations = announced === undefined ? undefined : annotationPatch(node, announced);
  if (annotations !== undefined) await client.patch(path, annotations, 'application/merge-patch+json');
  const condition = conditionPatch(node, state, new Date());
  if (condition !== undefined) {
    await client.patch(`${path}/status`, condition, 'application/strategic-merge-patch+json');
  }
}
