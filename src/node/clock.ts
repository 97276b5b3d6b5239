import type { Host } from '../host/host.ts';
import type { Check, Problem } from './preflight.ts';

/** Certificates are made valid from so long ago, by kadm, kubeadm and the controller manager. */
const BACKDATED_MS = 5 * 60_000;
/** A difference that a clock which is set over the network never has. */
const NOTICED_MS = 30_000;

const REMEDY = 'let chrony or systemd-timesyncd set it (timedatectl)';

/** Files that were written on this host, or before it came to it. A machine whose battery is empty begins long before them. */
const WRITTEN_BEFORE = [
  process.execPath,
  '/etc/machine-id',
  '/etc/hostname',
  '/etc/passwd',
  '/var/lib/dpkg/status',
] as const;

/** Whether this host's clock shows a time at which its own files were not yet written. */
export function clockNotBehind(host: Pick<Host, 'stat'>, now: () => number = Date.now): Check {
  const run = async (): Promise<Problem | undefined> => {
    for (const path of WRITTEN_BEFORE) {
      const written = (await host.stat(path))?.mtime;
      if (written === undefined || written.getTime() - now() <= BACKDATED_MS) continue;
      const time = new Date(now()).toISOString();
      return {
        message: `the clock says ${time}, but ${path} is of ${written.toISOString()}`,
        remedy: REMEDY,
      };
    }
    return undefined;
  };
  return { name: 'Clock', run };
}

/**
 * Whether this host's clock is that of the cluster.
 * @param aheadMs by how much it is ahead; exact to a second
 */
export function clockOfCluster(aheadMs: number): Check {
  const off = Math.abs(aheadMs);
  const message = `the clock is ${durationOf(off)} ${aheadMs > 0 ? 'ahead of' : 'behind'} that of the API server`;
  const problem = { message, remedy: `${REMEDY}, here or there`, bearable: off <= BACKDATED_MS };
  return { name: 'Clock', run: async () => (off > NOTICED_MS ? problem : undefined) };
}

const UNITS = [
  [86_400_000, 'days'],
  [3_600_000, 'hours'],
  [60_000, 'minutes'],
  [1_000, 'seconds'],
] as const;

/** In the largest unit of which it has two or more. */
function durationOf(ms: number): string {
  const [size, name] = UNITS.find(([unit]) => ms >= 2 * unit) ?? [1_000, 'seconds'];
  return `${Math.round(ms / size)} ${name}`;
}
