import type { Documents } from '../config/schema.ts';
import { EXIT, UserError } from '../errors.ts';
import { DryRunHost } from '../host/dry-run.ts';
import { type Host, LocalHost } from '../host/host.ts';
import type { Emit } from '../phases/events.ts';

/** This host, or one on which everything is only noted. */
export function hostFor(dryRun: boolean): Host {
  const host = new LocalHost();
  return dryRun ? new DryRunHost(host) : host;
}

/** What a dry run has noted, for people; programs get it as a result. Undefined after a run that was none. */
export function dryRunReport(host: Host, emit: Emit): string | undefined {
  if (!(host instanceof DryRunHost)) return undefined;
  emit({ type: 'result', path: [], result: { wouldDo: host.lines } });
  return host.report();
}

/**
 * A dry run over SSH would put kadm on the host.
 * @param command by which the same is had on the host itself
 * @throws UserError (usage)
 */
export function refuseDryRun(command: string): never {
  throw new UserError('a dry run goes without SSH: kadm would have to be put on the other host for it', {
    remedy: `leave out --ssh, --dry-run and dryRun here, and run it there: ${command}`,
    exitCode: EXIT.usage,
  });
}

/** For a verb that has none. @throws UserError (usage) */
export function refuseDryRunHere(verb: string, { JoinConfiguration }: Documents): void {
  if (JoinConfiguration?.dryRun !== true) return;
  throw new UserError(`${verb} has no dry run`, {
    remedy: 'take dryRun out of JoinConfiguration',
    exitCode: EXIT.usage,
  });
}

/** @throws UserError (usage) when a document that goes to other hosts asks for a dry run */
export function refuseDryRunOf({ InitConfiguration, JoinConfiguration }: Documents): void {
  if (InitConfiguration?.dryRun === true) refuseDryRun('kadm init --dry-run');
  if (JoinConfiguration?.dryRun === true) refuseDryRun('kadm join --dry-run ...');
}
