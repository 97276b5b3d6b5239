import type { Host } from './host.ts';

/**
 * The file of a kernel setting: dots are slashes, unless the first separator is a slash (sysctl.d(5)), as where the
 * name of an interface has a dot: net/ipv6/conf/eth0.5/accept_ra
 */
export function sysctlPath(key: string): string {
  return `/proc/sys/${/^\w+\//.test(key) ? key : key.replaceAll('.', '/')}`;
}

/** Its value, or undefined where this kernel has no such setting. */
export async function readSysctl(host: Host, key: string): Promise<string | undefined> {
  return (await host.readFile(sysctlPath(key)))?.toString('utf8').trim();
}
