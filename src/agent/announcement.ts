import { isDeepStrictEqual } from 'node:util';
import type { VxlanLink } from '../cni/desired.ts';
import { ANNOTATION, type NodeFacts } from '../cni/node-facts.ts';
import type { KubeClient } from '../kube/client.ts';

/** Whether this node's pods have their network, as its Node tells. */
export type NetworkState = { readonly ready: true } | { readonly ready: false; readonly why: string };

const MAX_MESSAGE = 500;

/** The annotations by which peers, flannel's too, find this node's end of the tunnel. */
export function announcedBy(link: VxlanLink): Readonly<Record<string, string>> {
  return {
    [ANNOTATION.backendData]: JSON.stringify({ VNI: link.vni, VtepMAC: link.mac }),
    [ANNOTATION.backendType]: 'vxlan',
    [ANNOTATION.subnetManager]: 'true',
    [ANNOTATION.publicIp]: link.local,
  };
}

/** Those that the Node does not have like this; undefined when it has all. */
export function annotationPatch(node: NodeFacts, link: VxlanLink): object | undefined {
  const wanted = announcedBy(link);
  const changed = Object.entries(wanted).filter(([key, value]) => node.annotations[key as never] !== value);
  return changed.length === 0 ? undefined : { metadata: { annotations: Object.fromEntries(changed) } };
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
  link: VxlanLink | undefined,
  state: NetworkState,
): Promise<void> {
  const path = `/api/v1/nodes/${encodeURIComponent(node.name)}`;
  const annotations = link === undefined ? undefined : annotationPatch(node, link);
  if (annotations !== undefined) await client.patch(path, annotations, 'application/merge-patch+json');
  const condition = conditionPatch(node, state, new Date());
  if (condition !== undefined) {
    await client.patch(`${path}/status`, condition, 'application/strategic-merge-patch+json');
  }
}
