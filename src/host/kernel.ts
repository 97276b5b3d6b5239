import type { Host } from './host.ts';

/** The file of a kernel setting: dots are slashes, except that slashes in the key stay (as in sysctl(8)). */
export function sysctlPath(key: string): string {
  return `/proc/sys/${key.replaceAll('.', '/')}`;
}

/** Its value, or undefined where this kernel has no such setting. */
export async function readSysctl(host: Host, key: string): Promise<string | undefined> {
  return (await host.readFile(sysctlPath(key)))?.toString('utf8').trim();
}
