import { fileURLToPath } from 'node:url';
import { runCommand } from '../../../src/host/command.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** dist/kadm, built from the sources as they are: the launcher of the clone builds it when it is stale. */
export async function builtExecutable(): Promise<string> {
  await runCommand([`${ROOT}kadm`, 'version'], { timeoutMs: 10 * 60_000 });
  return `${ROOT}dist/kadm`;
}
