import type { Host } from '../host/host.ts';
import { mountsBelow } from '../host/mounts.ts';

export async function isMountPoint(host: Host, path: string): Promise<boolean> {
  return (await mountsBelow(host, path)).includes(path);
}

/**
 * Unmounts all at `directory` and below it, never lazily: what is in use stays, so that nobody removes what
 * somebody looks at.
 * @returns the mount points that stay
 */
export async function unmountAll(host: Host, directory: string): Promise<string[]> {
  for (const point of await mountsBelow(host, directory)) {
    await host.run(['umount', point], { allowFailure: true });
  }
  return await mountsBelow(host, directory);
}
