import { dirname } from 'node:path';
import type { Host } from '../host/host.ts';
import { existingPki } from '../node/pki-files.ts';
import { planRequests } from '../pki/external.ts';
import { AGENT_IDENTITY } from '../pki/plan.ts';
import type { PkiSettings } from '../pki/table.ts';

/**
 * Writes keys and certificate requests for an external authority, as `kubeadm certs generate-csr` does. They are the
 * user's from then on, not of the ledger: a reset leaves them, because what gets signed fits no other keys.
 * @param at where the file of such a path goes
 * @param forCluster false for folders of one's own: what the cluster here uses does not count then
 * @returns the paths of the requests
 */
export async function generateRequests(
  host: Host,
  settings: PkiSettings,
  at: (path: string) => string,
  forCluster: boolean,
): Promise<string[]> {
  const existing = await existingPki(host, at);
  if (!forCluster) existing.delete(AGENT_IDENTITY);
  const files = await planRequests({ settings, existing, now: new Date() });
  const paths = files.map(({ path }) => at(path));
  for (const path of paths) await makeFolder(host, dirname(path));
  await host.writeFiles(
    files.map(({ path, content, mode }) => ({
      path: at(path),
      content,
      attributes: { mode, uid: 0, gid: 0 },
    })),
  );
  return paths.filter((path) => path.endsWith('.csr'));
}

async function makeFolder(host: Host, path: string): Promise<void> {
  if ((await host.stat(path)) !== undefined) return;
  await makeFolder(host, dirname(path));
  await host.makeDirectory(path, { mode: 0o700, uid: 0, gid: 0 });
}
