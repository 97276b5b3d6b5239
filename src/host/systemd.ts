import type { Host } from './host.ts';

export interface UnitState {
  readonly enabled: boolean;
  readonly active: boolean;
}

/** Whether a unit starts at boot, and whether it runs now; both false for one that does not exist. */
export async function unitState(host: Host, name: string): Promise<UnitState> {
  return stateIn(await shown(host, [name]));
}

/** Those of the units that run now. */
export async function activeUnits(host: Host, names: readonly string[]): Promise<string[]> {
  // Properties of several units come in the order of their names, with an empty line between them.
  const blocks = (await shown(host, names)).split('\n\n');
  return names.filter((_, index) => stateIn(blocks[index] ?? '').active);
}

async function shown(host: Host, names: readonly string[]): Promise<string> {
  const argv = ['systemctl', 'show', '--property=UnitFileState,ActiveState', ...names];
  return (await host.query(argv)).stdout;
}

function stateIn(properties: string): UnitState {
  return {
    enabled: /^UnitFileState=enabled/m.test(properties),
    active: /^ActiveState=(active|activating|reloading)$/m.test(properties),
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
