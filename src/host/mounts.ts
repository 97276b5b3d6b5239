import { UserError } from '../errors.ts';
import type { Host } from './host.ts';

const UNMOUNT_TIMEOUT_MS = 10_000;

/** Mount points at or below a path, the deepest first. Escapes of /proc/mounts (octal) are undone. */
export async function mountsBelow(host: Host, path: string): Promise<string[]> {
  const text = (await host.readFile('/proc/self/mounts'))?.toString('utf8') ?? '';
  const points = text.split('\n').flatMap((line) => {
    const point = line
      .split(' ')[1]
      ?.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
    return point !== undefined && (point === path || point.startsWith(`${path}/`)) ? [point] : [];
  });
  return points.reverse();
}

/**
 * Unmounts everything below a path, but not what is mounted on the path itself.
 * @throws UserError naming a mount that stays: nothing may then be deleted through it.
 */
export async function unmountBelow(host: Host, path: string): Promise<void> {
  for (const point of await mountsBelow(host, path)) {
    if (point === path) continue;
    await host.run(['umount', point], { allowFailure: true, timeoutMs: UNMOUNT_TIMEOUT_MS });
  }
  if (host.dryRun) return;
  const left = (await mountsBelow(host, path)).filter((point) => point !== path);
  // Still in use by a process that is on its way out: detached now, gone with the last user.
  for (const point of left) await host.run(['umount', '--lazy', point], { allowFailure: true });
  const [stuck] = (await mountsBelow(host, path)).filter((point) => point !== path);
  if (stuck === undefined) return;
  throw new UserError(`${stuck} cannot be unmounted`, {
    remedy: `see what uses it (fuser -m ${stuck}), end that, and run the same command again`,
  });
}
