import { messageOf, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { readSysctl, sysctlPath } from '../host/kernel.ts';
import { mountsBelow, unmountBelow } from '../host/mounts.ts';
import { unitState } from '../host/systemd.ts';
import type { Change, Ledger } from './ledger.ts';

const STOP_TIMEOUT_MS = 60_000;
const START_TIMEOUT_MS = 60_000;

/**
 * Brings a host back to what the ledger says it was: the changes backwards, each one safe to undo twice, so
 * that a reset that was cut short is simply run again.
 * @param changes of the ledger, in its order; all of them when left out
 */
export async function undo(
  host: Host,
  ledger: Ledger,
  changes: readonly Change[] = ledger.changes,
): Promise<void> {
  for (const change of changes.toReversed()) {
    try {
      await undoOne(host, ledger, change);
    } catch (error) {
      if (error instanceof UserError) throw error;
      throw new UserError(`${describeChange(change)} cannot be brought back: ${messageOf(error)}`, {
        remedy: 'mend the cause and run `kadm reset` again: it goes on from here',
        cause: error,
      });
    }
  }
  await host.run(['systemctl', 'daemon-reload']);
  await host.run(['systemctl', 'reset-failed'], { allowFailure: true });
  // What ran before kadm, such as a container runtime of the host's own, was stopped to end the cluster's pods.
  for (const change of ledger.changes) {
    if (change.kind === 'unit' && change.active) await startAgain(host, change.name);
  }
}

/** A change in a few words. */
export function describeChange(change: Change): string {
  switch (change.kind) {
    case 'file':
    case 'directory':
    case 'tree':
      return change.path;
    case 'unit':
    case 'module':
      return change.name;
    case 'sysctl':
      return change.key;
    case 'swap':
      return change.device;
    case 'nftables':
      return 'nftables';
  }
}

async function undoOne(host: Host, ledger: Ledger, change: Change): Promise<void> {
  switch (change.kind) {
    case 'file':
      return await undoFile(host, ledger, change);
    case 'directory':
      await host.removeDirectory(change.path);
      return;
    case 'tree':
      return await undoTree(host, change);
    case 'unit':
      return await undoUnit(host, change);
    case 'sysctl':
      return await undoSysctl(host, change);
    case 'module':
      // In use by somebody else, or built in: then it stays.
      await host.run(['modprobe', '--remove', change.name], { allowFailure: true });
      return;
    case 'swap':
      await host.run(['swapon', change.device]);
      return;
    case 'nftables':
      // What kube-proxy and the network made is removed by the phase that knows their rules.
      return;
  }
}

async function undoFile(
  host: Host,
  ledger: Ledger,
  change: Extract<Change, { kind: 'file' }>,
): Promise<void> {
  const { path, before } = change;
  if (before.kind === 'absent') return await host.removeFile(path);
  if (before.kind === 'link') {
    await host.removeFile(path);
    await host.run(['ln', '--symbolic', '--force', '--no-dereference', before.target, path]);
    return;
  }
  const content = await host.readFile(`${ledger.directory}/before/${before.copy}`);
  if (content === undefined) throw new Error(`the ledger has lost its copy of ${path}`);
  await host.writeFile(path, content, before);
}

async function undoTree(
  host: Host,
  { path, before, mode }: Extract<Change, { kind: 'tree' }>,
): Promise<void> {
  if (before === 'used') return;
  await unmountBelow(host, path);
  // Something mounted on the folder itself was put there by the host's owner: it is emptied, and stays.
  const mounted = (await mountsBelow(host, path)).includes(path);
  if (before === 'absent' && !mounted) return await host.removeTree(path);
  for (const name of await host.list(path)) await host.removeTree(`${path}/${name}`);
  if (mode !== undefined) await host.run(['chmod', mode.toString(8), path]);
}

/** Some settings can be read but not written outside the machine's first network namespace; those never changed. */
async function undoSysctl(host: Host, { key, before }: Extract<Change, { kind: 'sysctl' }>): Promise<void> {
  const present = await readSysctl(host, key);
  if (present === undefined || present === before) return;
  await host.writeKernelFile(sysctlPath(key), before);
}

async function startAgain(host: Host, unit: string): Promise<void> {
  const { active } = await unitState(host, unit);
  if (!active)
    await host.run(['systemctl', 'start', unit], { allowFailure: true, timeoutMs: START_TIMEOUT_MS });
}

async function undoUnit(host: Host, change: Extract<Change, { kind: 'unit' }>): Promise<void> {
  const { stdout } = await host.query(['systemctl', 'show', '--property=LoadState', change.name]);
  if (!stdout.includes('LoadState=loaded')) return;
  if (!change.active) await host.run(['systemctl', 'stop', change.name], { timeoutMs: STOP_TIMEOUT_MS });
  if (!change.enabled) await host.run(['systemctl', 'disable', '--quiet', change.name]);
}
