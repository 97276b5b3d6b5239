import type { Step } from '../phases/phase.ts';
import type { InitContext } from './context.ts';

/** Applies objects side by side; a dry run only names them. */
export async function applyAll(
  context: Pick<InitContext, 'host' | 'api'>,
  step: Step,
  objects: readonly object[],
): Promise<void> {
  if (context.host.dryRun) {
    for (const object of objects) step.progress(`would apply ${describe(object)}`);
    return;
  }
  const client = await context.api();
  await Promise.all(objects.map(async (object) => await client.apply(object as never)));
}

function describe(object: object): string {
  const { kind, metadata } = object as { kind: string; metadata: { name: string; namespace?: string } };
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
}
