import { lookup } from 'node:dns/promises';
import { homedir, networkInterfaces } from 'node:os';
import type { HostEntry } from '../config/hosts.ts';
import type { FleetHost } from '../fleet/fleet-host.ts';
import { expandPath, parseJumps, parseTarget, type SshTarget, type TargetContext } from '../ssh/target.ts';
import { targetContext } from './ssh-options.ts';

const SSH_PORT = 22;

/** Where and how each machine of a file is reached. @throws UserError (usage) for an address that is none */
export async function fleetHosts(entries: readonly HostEntry[]): Promise<FleetHost[]> {
  const context = await targetContext();
  return await Promise.all(
    entries.map(async (entry) => {
      const target = targetOf(entry, context);
      return { entry, target, local: await isThisMachine(target) };
    }),
  );
}

/** How the machine of an entry is reached: what the entry says, over what ~/.ssh/config says. */
export function targetOf(entry: HostEntry, context: TargetContext): SshTarget {
  const { identityFile, bastion, sudo } = entry;
  const home = context.home ?? homedir();
  return {
    ...parseTarget(textOf(entry), context),
    name: entry.address,
    ...(identityFile === undefined
      ? {}
      : { identityFiles: [expandPath(identityFile, { home })], identitiesOnly: true }),
    ...(bastion === undefined ? {} : { jumps: parseJumps(bastion, context) }),
    ...(sudo === undefined ? {} : { sudo }),
  };
}

function textOf({ address, user, port }: HostEntry): string {
  const host = address.includes(':') && !address.startsWith('[') ? `[${address}]` : address;
  return `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
}

/** A forwarded port of this machine, as virtual machines have, leads elsewhere; and so may one behind another host. */
async function isThisMachine({ host, port, jumps }: SshTarget): Promise<boolean> {
  if (port !== SSH_PORT || jumps.length > 0) return false;
  const own = Object.values(networkInterfaces()).flatMap((links) => links ?? []);
  try {
    const { address } = await lookup(host);
    return own.some((one) => one.address === address);
  } catch {
    // A name that only an SSH configuration knows.
    return false;
  }
}
