import { UserError } from '../errors.ts';
import type { Emit } from '../phases/events.ts';
import { runPhases } from '../phases/runner.ts';
import { labsWithCgroups } from './cgroups.ts';
import { type DownContext, downPhases } from './down/index.ts';
import { withLabLock } from './lock.ts';
import { parseLabName } from './names.ts';
import { labNames } from './record.ts';

export interface DestroyLabOptions {
  readonly emit: Emit;
  readonly signal?: AbortSignal;
}

/**
 * Removes a lab whole, whatever state it is in, found by its name as well as by its record. Nothing to do
 * where there is none.
 * @throws UserError naming what could not be removed
 */
export async function destroyLab(name: string, options: DestroyLabOptions): Promise<void> {
  const { emit } = options;
  const cancel = options.signal === undefined ? {} : { signal: options.signal };
  const onWait = (): void =>
    emit({ type: 'warning', path: [], message: `waiting for another kadm that works on lab ${name}` });
  await withLabLock(parseLabName(name), { onWait, ...cancel }, async () => {
    const context: DownContext = { name, left: [] };
    await runPhases(downPhases, context, { emit, ...cancel });
    if (context.left.length === 0) return;
    throw new UserError(`lab ${name} could not be removed whole; left are:\n  ${context.left.join('\n  ')}`, {
      remedy: 'end what uses them, and run the same command again',
    });
  });
}

/** Names of all labs that there is anything of. */
export async function labsToDestroy(): Promise<string[]> {
  return [...new Set([...(await labNames()), ...(await labsWithCgroups())])].sort();
}
