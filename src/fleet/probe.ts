import { setTimeout as sleep } from 'node:timers/promises';
import { ANNOTATION } from '../cni/node-facts.ts';
import { parseCidr } from '../config/cidr.ts';
import { accepts } from '../host/network.ts';
import type { KubeClient } from '../kube/client.ts';

const KUBELET_PORT = 10250;
/** The agents of both sides may still be at work on the network. */
const PATIENCE_MS = 12_000;
const ATTEMPT_MS = 1_500;
const PAUSE_MS = 250;

interface Node {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: { readonly podCIDR?: string };
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

/**
 * What does not get through between this master and a node, tried with real connections: to the kubelet at the
 * node's own address, and to the same through the tunnel of the pod network, which takes both directions.
 * @returns a line for each; none when all is well
 */
export async function probeNode(client: KubeClient, name: string): Promise<string[]> {
  const { metadata, spec, status } = await client.get<Node>(`/api/v1/nodes/${encodeURIComponent(name)}`);
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  if (address === undefined) return [];
  const hasTunnel = metadata.annotations?.[ANNOTATION.backendType] === 'vxlan' && spec?.podCIDR !== undefined;
  const inside = hasTunnel ? parseCidr(spec.podCIDR).text.split('/')[0] : undefined;
  const [kubelet, tunnel] = await Promise.all([
    reached(address),
    inside === undefined ? true : reached(inside),
  ]);
  if (!kubelet) {
    return [
      `TCP port ${KUBELET_PORT} of ${address} does not answer the control plane: logs, exec and metrics need it`,
    ];
  }
  return tunnel
    ? []
    : [
        `UDP of the pod network (port 8472 by default) does not get through between the control plane and ${address}`,
      ];
}

async function reached(address: string): Promise<boolean> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    if (await accepts(address, KUBELET_PORT, ATTEMPT_MS)) return true;
    await sleep(PAUSE_MS);
  }
  return false;
}
