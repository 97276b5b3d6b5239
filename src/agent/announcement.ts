import { isDeepStrictEqual } from 'node:util';
import type { Backend } from '../cni/backend.ts';
import type { Desired } from '../cni/desired.ts';
import { ANNOTATION, FAMILY_ANNOTATIONS, type NodeFacts } from '../cni/node-facts.ts';
import type { Family } from '../config/family.ts';
import type { KubeClient } from '../kube/client.ts';

/** Whether this node's pods have their network, as its Node tells. */
export type NetworkState = { readonly ready: true } | { readonly ready: false; readonly why: string };

const MAX_MESSAGE = 500;

/** What a node tells of its network. */
export interface Announced extends Pick<Desired, 'networks'> {
  readonly backend: Backend;
  /** Why it has not the backend that it is wanted to have. */
  readonly refused: string | undefined;
}

/** The annotations by which peers, flannel's too, find the way to this node. */
export function announcedBy({
  backend,
  networks,
  refused,
}: Announced): Readonly<Record<string, string | undefined>> {
  return {
    ...announcedFor(4, backend, networks),
    ...announcedFor(6, backend, networks),
    // As flannel writes it: its DirectRouting, our auto, is of type vxlan.
    [ANNOTATION.backendType]: backend === 'host-gw' ? 'host-gw' : 'vxlan',
    [ANNOTATION.subnetManager]: 'true',
    [ANNOTATION.backend]: backend,
    [ANNOTATION.backendRefused]: refused,
  };
}

/** Of a family that this node has no network in, nothing is told. */
function announcedFor(
  family: Family,
  backend: Backend,
  networks: Announced['networks'],
): Readonly<Record<string, string | undefined>> {
  const keys = FAMILY_ANNOTATIONS[family];
  const found = networks.find((one) => one.family === family);
  if (found === undefined) return { [keys.data]: undefined, [keys.publicIp]: undefined };
  const { link, underlay } = found;
  // As flannel writes it: host-gw has no data.
  const tunnel = backend === 'host-gw' || link === undefined ? null : { VNI: link.vni, VtepMAC: link.mac };
  return { [keys.data]: JSON.stringify(tunnel), [keys.publicIp]: underlay.address };
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
