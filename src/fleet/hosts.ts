import pLimit from 'p-limit';
import { EXIT, messageOf, UserError } from '../errors.ts';
import { type Emit, within } from '../phases/events.ts';
import type { SshTarget } from '../ssh/target.ts';
import { HostLogs } from './host-log.ts';

/** How many hosts are worked on at once when nothing else is said. */
export const DEFAULT_CONCURRENCY = 30;

export type HostResult =
  | { readonly host: string; readonly ok: true; readonly ms: number; readonly note: string | undefined }
  | {
      readonly host: string;
      readonly ok: false;
      readonly ms: number;
      readonly error: unknown;
      /** The file with what the host told; none for a single host. */
      readonly log: string | undefined;
    };

export interface OnEachHost {
  readonly emit: Emit;
  /** Names the logs. */
  readonly verb: string;
  readonly concurrency?: number;
}

/**
 * Does the same for many hosts at once, each a line of its own in the tree. A host that fails or hangs
 * never holds up another. What became of each is the result event of the run.
 * @param act may return a text to show beside the host's name
 */
export async function onEachHost(
  hosts: readonly string[],
  options: OnEachHost,
  act: (host: string, emit: Emit) => Promise<unknown>,
): Promise<HostResult[]> {
  const { emit } = options;
  emit({ type: 'plan', path: [], steps: hosts.map((host) => ({ id: host, title: host })) });
  const limit = pLimit(options.concurrency ?? DEFAULT_CONCURRENCY);
  // Of a single host everything was shown, and its error is the run's own.
  const logs = hosts.length > 1 ? new HostLogs(options.verb) : undefined;
  const results = await Promise.all(
    hosts.map((host) => limit(async () => await onHost(host, emit, logs, act))),
  );
  emit({ type: 'result', path: [], result: { hosts: results.map(resultOf) } });
  return results;
}

/** The same for hosts that are reached over SSH. */
export async function onEachTarget(
  targets: readonly SshTarget[],
  options: OnEachHost,
  act: (target: SshTarget, emit: Emit) => Promise<unknown>,
): Promise<HostResult[]> {
  const byName = new Map(targets.map((target) => [target.name, target]));
  return await onEachHost([...byName.keys()], options, async (name, emit) => {
    const target = byName.get(name);
    if (target === undefined) throw new Error(`no target ${name}`);
    return await act(target, emit);
  });
}

async function onHost(
  host: string,
  emit: Emit,
  logs: HostLogs | undefined,
  act: (host: string, emit: Emit) => Promise<unknown>,
): Promise<HostResult> {
  const start = performance.now();
  const elapsed = (): number => Math.round(performance.now() - start);
  emit({ type: 'started', path: [host] });
  try {
    const given = await act(host, logs?.noting(host, within(emit, host)) ?? within(emit, host));
    const note = typeof given === 'string' ? given : undefined;
    emit({ type: 'finished', path: [host], ms: elapsed(), ...(note === undefined ? {} : { note }) });
    logs?.forget(host);
    return { host, ok: true, ms: elapsed(), note };
  } catch (error) {
    const remedy = remedyOf(error);
    const message = messageOf(error);
    emit({
      type: 'failed',
      path: [host],
      ms: elapsed(),
      message,
      ...(remedy === undefined ? {} : { remedy }),
    });
    const stack = error instanceof Error && !(error instanceof UserError) ? (error.stack ?? '') : message;
    return { host, ok: false, ms: elapsed(), error, log: await logs?.write(host, stack) };
  }
}

/** One host in the result event, as docs/commands.md describes it. */
function resultOf(result: HostResult): Record<string, unknown> {
  const { host, ms } = result;
  if (result.ok) return { host, result: 'done', ms, ...(result.note && { note: result.note }) };
  const remedy = remedyOf(result.error);
  const { log } = result;
  return { host, result: 'failed', ms, message: messageOf(result.error), remedy, log };
}

function remedyOf(error: unknown): string | undefined {
  return error instanceof UserError ? error.remedy : undefined;
}

/**
 * @throws the one error when a single host was asked for; else a UserError with a line for each host, whose exit
 * code tells whether some are done
 */
export function throwFailures(results: readonly HostResult[], verb: string): void {
  const failed = results.filter((result) => !result.ok);
  const [first] = failed;
  if (first === undefined) return;
  if (results.length === 1) throw first.error;
  const some = failed.length < results.length;
  const count = `${failed.length} of ${results.length} hosts failed`;
  throw new UserError(`${verb}: ${count}:\n${summary(results)}`, {
    remedy: 'the same command again does what is missing, on those hosts only',
    exitCode: some ? EXIT.partial : sameCode(failed),
    cause: first.error,
  });
}

/** A line for each host: its result and time, and for a failure the cause, the remedy and the log. */
export function summary(results: readonly HostResult[]): string {
  const width = Math.max(...results.map(({ host }) => host.length));
  return results
    .flatMap((result) => {
      const time = `${(result.ms / 1000).toFixed(1)} s`.padStart(8);
      const start = `  ${result.host.padEnd(width)}  ${result.ok ? 'done  ' : 'failed'} ${time}`;
      if (result.ok) return result.note === undefined ? start : `${start}  ${result.note}`;
      const remedy = remedyOf(result.error);
      return [
        `${start}  ${messageOf(result.error)}`,
        ...(remedy === undefined ? [] : [`${' '.repeat(width + 4)}${remedy}`]),
        ...(result.log === undefined ? [] : [`${' '.repeat(width + 4)}log: ${result.log}`]),
      ];
    })
    .join('\n');
}

/** Where nothing is done, and all for one kind of reason, that is the run's. */
function sameCode(failed: readonly HostResult[]): UserError['exitCode'] {
  const codes = failed.map((one) =>
    !one.ok && one.error instanceof UserError ? one.error.exitCode : EXIT.failed,
  );
  const [first = EXIT.failed] = codes;
  return codes.every((code) => code === first) ? first : EXIT.failed;
}
