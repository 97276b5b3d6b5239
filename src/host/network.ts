import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, isIPv4, type NetConnectOpts } from 'node:net';
import * as z from 'zod/mini';
import type { Host } from './host.ts';

const addressesSchema = z.array(
  z.object({ ifname: z.string(), addr_info: z.array(z.object({ local: z.optional(z.string()) })) }),
);
const routesSchema = z.array(
  z.object({ dst: z.string(), dev: z.optional(z.string()), prefsrc: z.optional(z.string()) }),
);

/** Says which addresses a host has, as JSON. */
export const ADDRESSES_COMMAND = ['ip', '-json', 'addr', 'show'] as const;

export interface HostAddress {
  readonly interface: string;
  readonly address: string;
}

/** The addresses in what ADDRESSES_COMMAND says, but loopback's. */
export function parseAddresses(json: string): HostAddress[] {
  return addressesSchema
    .parse(JSON.parse(json))
    .filter((link) => link.ifname !== 'lo')
    .flatMap(({ ifname, addr_info }) =>
      addr_info.flatMap(({ local }) => (local === undefined ? [] : [{ interface: ifname, address: local }])),
    );
}

/** All addresses of this host but loopback's. */
export async function hostAddresses(host: Host): Promise<string[]> {
  const { stdout } = await host.query([...ADDRESSES_COMMAND]);
  return parseAddresses(stdout).map(({ address }) => address);
}

/** Destinations of this host's routes in CIDR notation, without the default routes. */
export async function hostRoutes(host: Host): Promise<string[]> {
  const asked = (['-4', '-6'] as const).map((family) => host.query(['ip', '-json', family, 'route', 'show']));
  return (await Promise.all(asked)).flatMap(({ stdout }) =>
    routesSchema
      .parse(stdout.trim() === '' ? [] : JSON.parse(stdout))
      .flatMap(({ dst }) =>
        dst === 'default' ? [] : [dst.includes('/') ? dst : `${dst}/${isIPv4(dst) ? 32 : 128}`],
      ),
  );
}

/** Whether anything accepts connections there; asks the kernel only. */
export async function accepts(host: string, port: number, timeoutMs = 1000): Promise<boolean> {
  return await connects({ host, port }, timeoutMs);
}

/** The same for a Unix socket. */
export async function listens(path: string, timeoutMs = 1000): Promise<boolean> {
  return await connects({ path }, timeoutMs);
}

async function connects(to: NetConnectOpts, timeoutMs: number): Promise<boolean> {
  const socket = connect(to);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(timeoutMs) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Says by which route a host sends to an address, as JSON; nothing is sent. */
export function routeCommand(destination: string): string[] {
  return ['ip', '-json', 'route', 'get', destination];
}

/** The sender's address in what that says. */
export function parseSource(json: string): string | undefined {
  return routesSchema.parse(JSON.parse(json))[0]?.prefsrc;
}

/** The address from which this host would send to `destination`; nothing is sent. Undefined without a route. */
export async function addressTowards(host: Host, destination: string): Promise<string | undefined> {
  const { stdout, exitCode } = await host.query(routeCommand(destination), { allowFailure: true });
  return exitCode === 0 ? parseSource(stdout) : undefined;
}

/** The same for host, host:port or [address]:port, whose name is looked up first. */
export async function addressTowardsHost(host: Host, endpoint: string): Promise<string | undefined> {
  const address = await addressOf(endpoint.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''));
  if (address === undefined) return undefined;
  // A host without `ip` is told so by the checks.
  return await addressTowards(host, address).catch(() => undefined);
}

/** The address of a name, as this host resolves it; undefined where it has none. An address stays what it is. */
export async function addressOf(name: string): Promise<string | undefined> {
  return (await lookup(name).catch(() => undefined))?.address;
}
