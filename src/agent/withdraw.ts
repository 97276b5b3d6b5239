import { readFile } from 'node:fs/promises';
import { ANNOTATION } from '../cni/node-facts.ts';
import { hasCode, messageOf } from '../errors.ts';
import type { Step } from '../phases/phase.ts';
import { clientAs } from './identity.ts';
import type { AgentSettings } from './settings.ts';

/** Removes all annotations of the pod network from this node's Node, so that the others forget the way to it. */
export async function withdraw(settings: AgentSettings, step: Pick<Step, 'warn'>): Promise<void> {
  const pem = await readFile(settings.identityFile, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (pem === undefined) return;
  const client = await clientAs({ pem }, settings);
  try {
    const annotations = Object.fromEntries(Object.values(ANNOTATION).map((key) => [key, null]));
    const path = `/api/v1/nodes/${encodeURIComponent(settings.nodeName)}`;
    await client.patch(path, { metadata: { annotations } }, 'application/merge-patch+json');
  } catch (error) {
    // A cluster that is gone or away is no reason to keep its network.
    step.warn(`the Node still tells of the network: ${messageOf(error)}`);
  } finally {
    client.close();
  }
}
