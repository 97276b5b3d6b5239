import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { hasCode } from '../errors.ts';

/**
 * IPv4 CIDRs of the routes in /proc/net/route (proc_pid_net(5)): destination and mask are hexadecimal, in the
 * machine's byte order. Default routes are left out: they overlap everything and mean nothing.
 */
export function parseRoutes(text: string): string[] {
  const rows = text.trim().split('\n').slice(1);
  return rows.flatMap((row) => {
    const columns = row.split('\t');
    const [destination, mask] = [columns[1], columns[7]];
    if (destination === undefined || mask === undefined) return [];
    const length = Number.parseInt(mask, 16).toString(2).replaceAll('0', '').length;
    return length === 0 ? [] : [`${dotted(destination)}/${length}`];
  });
}

/** IPv4 CIDRs that the machine has addresses in or routes to. */
export async function machineNetworks(): Promise<string[]> {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .flatMap(({ family, cidr }) => (family === 'IPv4' && cidr !== null ? [cidr] : []));
  return [...addresses, ...parseRoutes(await routeTable())];
}

async function routeTable(): Promise<string> {
  try {
    return await readFile('/proc/net/route', 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}

/** All machines that kadm runs on are little-endian. */
function dotted(hex: string): string {
  return Buffer.from(hex, 'hex').reverse().join('.');
}
