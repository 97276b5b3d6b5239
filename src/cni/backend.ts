import * as z from 'zod/mini';
import { contains } from '../config/cidr.ts';
import type { Underlay } from './desired.ts';

/** How packets for another node's pods go: in a tunnel, by a route to that node, or by whichever suffices. */
export const BACKENDS = ['vxlan', 'host-gw', 'auto'] as const;
export const backendSchema = z.enum(BACKENDS);
export type Backend = (typeof BACKENDS)[number];

/** What the way to a peer is decided by. */
export interface Reachable {
  readonly backend: Backend;
  readonly publicIp: string;
}

/**
 * Whether packets to a peer go without a tunnel. Both ends decide alike, whoever asks: a pair of which one end
 * were in the tunnel and the other not would lose packets to strict reverse path filters (rp_filter 1). So a
 * cluster can be moved from one backend to another node by node. flannel without DirectRouting is `vxlan`.
 */
export function isDirect(own: Backend, underlay: Underlay, peer: Reachable): boolean {
  if (own === 'host-gw' || peer.backend === 'host-gw') return true;
  return own === 'auto' && peer.backend === 'auto' && onSameSubnet(underlay, peer.publicIp);
}

/**
 * Whether this node has a tunnel: to send by, or because there are others which may still send by theirs. Where
 * all others are of host-gw no packet can come through it any more.
 */
export function needsTunnel(own: Backend, peers: readonly Pick<Reachable, 'backend'>[]): boolean {
  return own !== 'host-gw' || peers.some(({ backend }) => backend !== 'host-gw');
}

/** Whether no router is between this node and that address. */
export function onSameSubnet({ subnet }: Pick<Underlay, 'subnet'>, other: string): boolean {
  return contains(subnet, other);
}
