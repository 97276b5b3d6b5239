import type { Host } from './host.ts';

export interface UnitState {
  readonly enabled: boolean;
  readonly active: boolean;
}

/** Whether a unit starts at boot, and whether it runs now; both false for one that does not exist. */
export async function unitState(host: Host, name: string): Promise<UnitState> {
  const { stdout } = await host.query(['systemctl', 'show', '--property=UnitFileState,ActiveState', name]);
  return {
    enabled: /^UnitFileState=enabled/m.test(stdout),
    active: /^ActiveState=(active|activating|reloading)$/m.test(stdout),
  };
}

/**
 * Has systemd read all units again, or it would call each of them changed on disk, those that are not kadm's too,
 * whenever one is started or stopped. It takes up to a second for which nothing has to wait: a unit of its own does it.
 */
export async function reloadUnits(host: Host): Promise<void> {
  await host.run(['systemd-run', '--quiet', '--collect', '--no-block', 'systemctl', 'daemon-reload']);
}

/** The last lines of a unit's journal. */
export async function unitLog(host: Host, name: string, lines: number): Promise<string> {
  const argv = ['journalctl', '--no-pager', '--quiet', '--output=cat', `--lines=${lines}`, `--unit=${name}`];
  return (await host.query(argv, { allowFailure: true })).stdout.trim();
}
