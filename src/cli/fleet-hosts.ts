import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import type { HostEntry } from '../config/hosts.ts';
import type { FleetHost } from '../fleet/up.ts';
import type { SshTarget } from '../ssh/target.ts';
import { targetsFrom } from './ssh-options.ts';

const SSH_PORT = 22;

/** Where and how each machine of a file is reached. @throws UserError (usage) for an address that is none */
export async function fleetHosts(entries: readonly HostEntry[]): Promise<FleetHost[]> {
  const targets = await targetsFrom(entries.map(textOf));
  return await Promise.all(
    entries.map(async (entry, index) => {
      const found = targets[index];
      if (found === undefined) throw new Error(`no target for ${entry.address}`);
      const { identityFile } = entry;
      const target = {
        ...found,
        name: entry.address,
        ...(identityFile === undefined ? {} : { identityFiles: [identityFile] }),
      };
      return { entry, target, local: await isThisMachine(target) };
    }),
  );
}

function textOf({ address, user, port }: HostEntry): string {
  const host = address.includes(':') && !address.startsWith('[') ? `[${address}]` : address;
  return `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
}

/** A forwarded port of this machine, as virtual machines have, leads elsewhere. */
async function isThisMachine({ host, port }: SshTarget): Promise<boolean> {
  if (port !== SSH_PORT) return false;
  const own = Object.values(networkInterfaces()).flatMap((links) => links ?? []);
  try {
    const { address } = await lookup(host);
    return own.some((one) => one.address === address);
  } catch {
    // A name that only an SSH configuration knows.
    return false;
  }
}
