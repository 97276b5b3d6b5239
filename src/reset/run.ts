import type { Host } from '../host/host.ts';
import { withHostLock } from '../host/host-lock.ts';
import type { Emit } from '../phases/events.ts';
import { Ledger } from '../phases/ledger.ts';
import { runPhases } from '../phases/runner.ts';
import { RESET_NAMES, resetPhases } from './index.ts';

export interface ResetRun {
  readonly host: Host;
  /** Names of phases to leave out. */
  readonly skip: readonly string[];
  /** Names of the phases to run alone; all when left out. */
  readonly only?: readonly string[];
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Brings this host back to what it was before kadm.
 * @returns whether kadm had changed anything
 */
export async function reset(run: ResetRun): Promise<boolean> {
  return run.host.dryRun ? await resetAlone(run) : await withHostLock('kadm reset', () => resetAlone(run));
}

async function resetAlone({ host, skip, only, emit, signal }: ResetRun): Promise<boolean> {
  const ledger = await Ledger.open(host);
  const chosen = { skip, names: RESET_NAMES, ...(only && { only }) };
  await runPhases(resetPhases, { host, ledger }, { emit, signal, ...chosen });
  return ledger.changes.length > 0;
}
