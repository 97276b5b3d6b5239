import { DryRunHost } from '../host/dry-run.ts';
import type { ControlPlaneContext } from './context.ts';

/** Applies objects side by side; a dry run only shows them. */
export async function applyAll(
  { host, api }: Pick<ControlPlaneContext, 'host' | 'api'>,
  objects: readonly object[],
): Promise<void> {
  if (host instanceof DryRunHost) return host.apply(objects);
  const client = await api();
  await Promise.all(objects.map(async (object) => await client.apply(object as never)));
}
