import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { ANNOTATION } from '../cni/node-facts.ts';
import { parseCidr } from '../config/cidr.ts';
import { accepts } from '../host/network.ts';
import type { KubeClient } from '../kube/client.ts';

const KUBELET_PORT = 10250;
/** The agents of both sides may still be at work on the network: longer where the master has more to do than it can. */
const PATIENCE_MS = 12_000;
const LONGEST_PATIENCE_MS = 120_000;
/** A first packet that is lost because the tunnel is still being made is sent again only after a second (RFC 6298, 2.1). */
const ATTEMPT = { firstMs: 300, maxMs: 2_400 } as const;
const PAUSE_MS = 100;

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

/** @param load how many processes want a processor (getloadavg(3)) */
export function patienceFor(load: number, processors: number): number {
  return Math.min(PATIENCE_MS * Math.max(1, load / processors), LONGEST_PATIENCE_MS);
}

async function reached(address: string): Promise<boolean> {
  const end = performance.now() + patienceFor(loadavg()[0] ?? 0, availableParallelism());
  for (let attemptMs: number = ATTEMPT.firstMs; performance.now() < end; ) {
    if (await accepts(address, KUBELET_PORT, attemptMs)) return true;
    attemptMs = Math.min(2 * attemptMs, ATTEMPT.maxMs);
    await sleep(PAUSE_MS);
  }
  return false;
}
