import pLimit from 'p-limit';
import { messageOf, UserError } from '../errors.ts';
import { type Emit, within } from '../phases/events.ts';

/** How many hosts are worked on at once when nothing else is said. */
export const DEFAULT_CONCURRENCY = 30;

export type HostResult =
  | { readonly host: string; readonly ok: true; readonly ms: number }
  | { readonly host: string; readonly ok: false; readonly ms: number; readonly error: unknown };

/**
 * Does the same for many hosts at once, each a line of its own in the tree. A host that fails or hangs
 * never holds up another.
 * @param act may return a text to show beside the host's name
 */
export async function onEachHost(
  hosts: readonly string[],
  options: { readonly emit: Emit; readonly concurrency?: number },
  act: (host: string, emit: Emit) => Promise<unknown>,
): Promise<HostResult[]> {
  const { emit } = options;
  emit({ type: 'plan', path: [], steps: hosts.map((host) => ({ id: host, title: host })) });
  const limit = pLimit(options.concurrency ?? DEFAULT_CONCURRENCY);
  return await Promise.all(hosts.map((host) => limit(async () => await onHost(host, emit, act))));
}

async function onHost(
  host: string,
  emit: Emit,
  act: (host: string, emit: Emit) => Promise<unknown>,
): Promise<HostResult> {
  const start = performance.now();
  const elapsed = (): number => Math.round(performance.now() - start);
  emit({ type: 'started', path: [host] });
  try {
    const note = await act(host, within(emit, host));
    emit({ type: 'finished', path: [host], ms: elapsed(), ...(typeof note === 'string' ? { note } : {}) });
    return { host, ok: true, ms: elapsed() };
  } catch (error) {
    const remedy = error instanceof UserError && error.remedy !== undefined ? { remedy: error.remedy } : {};
    emit({ type: 'failed', path: [host], ms: elapsed(), message: messageOf(error), ...remedy });
    return { host, ok: false, ms: elapsed(), error };
  }
}

/**
 * @throws the one error when a single host was asked for; else a UserError with a line a failed host.
 */
export function throwFailures(results: readonly HostResult[], verb: string): void {
  const failed = results.filter((result) => !result.ok);
  const [first] = failed;
  if (first === undefined) return;
  if (results.length === 1) throw first.error;
  const lines = failed.map(({ host, error }) => {
    const remedy = error instanceof UserError && error.remedy !== undefined ? ` (${error.remedy})` : '';
    return `  ${host}: ${messageOf(error)}${remedy}`;
  });
  throw new UserError(`${verb}: ${failed.length} of ${results.length} hosts failed:\n${lines.join('\n')}`, {
    remedy: 'the same command again goes on where each of them stopped',
    cause: first.error,
  });
}
