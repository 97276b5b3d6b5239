import { isIPv4 } from 'node:net';
import { bracketed } from '../config/family.ts';
import type { HostEntry } from '../config/hosts.ts';
import { EXIT, UserError } from '../errors.ts';
import { addressOf } from '../host/network.ts';
import type { Emit } from '../phases/events.ts';
import type { SshTarget } from '../ssh/target.ts';
import type { NodeMarks } from './nodes.ts';
import { type HostSession, localSession, openSession, type RemoteOptions } from './run-verb.ts';

/** A machine of the cluster that is to be. */
export interface FleetHost {
  readonly entry: HostEntry;
  readonly target: SshTarget;
  /** This machine itself: reached without SSH. */
  readonly local: boolean;
}

export async function openHost(
  { remote, signal }: { readonly remote: RemoteOptions; readonly signal: AbortSignal },
  host: FleetHost,
  emit: Emit,
): Promise<HostSession> {
  if (host.local) return await localSession(host.target.name, signal);
  return await openSession(host.target, remote, (message) => emit({ type: 'progress', path: [], message }));
}

/**
 * The entry of a host with the address that its `interface` has.
 * @throws UserError (preflight) when it has none
 */
export async function placed(session: HostSession, { entry, target }: FleetHost): Promise<HostEntry> {
  if (entry.interface === undefined) return entry;
  const all = (await session.addresses()).filter(({ address }) => isIPv4(address));
  const found = all.find((one) => one.interface === entry.interface);
  if (found !== undefined) return { ...entry, nodeIP: found.address };
  const there = all.map((one) => `${one.interface} (${one.address})`).join(', ');
  throw new UserError(`${target.name}: it has no IPv4 address on ${entry.interface}; nothing was changed`, {
    remedy: `its interfaces are ${there}`,
    exitCode: EXIT.preflight,
  });
}

/**
 * The entry with the address at which the others reach the API server: what it says, else the one by which the
 * file names the host, where it has that. The default route of many virtual machines leads somewhere else.
 */
export async function advertised(
  session: HostSession,
  { target }: FleetHost,
  entry: HostEntry,
): Promise<HostEntry> {
  if (entry.nodeIP !== undefined) return entry;
  const named = await addressOf(target.host);
  const own = await session.addresses();
  return own.some(({ address }) => address === named) ? withAddress(entry, named) : entry;
}

export function withAddress(entry: HostEntry, nodeIP: string | undefined): HostEntry {
  return nodeIP === undefined ? entry : { ...entry, nodeIP };
}

/** Whether the file says anything of this host that its Node is to show. */
export function hasMarks({ labels, taints }: HostEntry): boolean {
  return Object.keys(labels ?? {}).length > 0 || (taints ?? []).length > 0;
}

export function marksOf(node: string, { entry, target }: FleetHost): NodeMarks {
  const { jumps } = target;
  return {
    node,
    labels: entry.labels ?? {},
    taints: entry.taints ?? [],
    ssh: textOf(target),
    ...(jumps.length === 0 ? {} : { bastion: jumps.map(textOf).join(',') }),
  };
}

function textOf({ user, host, port }: SshTarget): string {
  return `${user}@${bracketed(host)}:${port}`;
}
