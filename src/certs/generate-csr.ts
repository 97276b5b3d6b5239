import { dirname } from 'node:path';
import type { Host } from '../host/host.ts';
import { existingPki } from '../node/pki-files.ts';
import { planRequests } from '../pki/external.ts';
import { AGENT_IDENTITY, KUBERNETES_DIRECTORY, PKI_DIRECTORY, type PkiFile } from '../pki/plan.ts';
import type { PkiSettings } from '../pki/table.ts';

export interface RequestFolders {
  readonly certDir: string;
  readonly kubeconfigDir: string;
}

/**
 * Writes keys and certificate requests for an external authority, as `kubeadm certs generate-csr` does. They are the
 * user's from then on, not of the ledger: a reset leaves them, because what gets signed fits no other keys.
 * @returns the paths of the requests
 */
export async function generateRequests(
  host: Host,
  settings: PkiSettings,
  folders: RequestFolders,
): Promise<string[]> {
  const files = (
    await planRequests({ settings, existing: await existingIn(host, folders), now: new Date() })
  ).map((file): PkiFile => ({ ...file, path: placeIn(folders, file.path) }));
  for (const { path } of files) await makeFolder(host, dirname(path));
  await host.writeFiles(
    files.map(({ path, content, mode }) => ({ path, content, attributes: { mode, uid: 0, gid: 0 } })),
  );
  return files.map(({ path }) => path).filter((path) => path.endsWith('.csr'));
}

/** In folders of one's own, what the cluster here uses does not count. */
async function existingIn(host: Host, folders: RequestFolders): Promise<Map<string, string>> {
  const existing = await existingPki(host, (path) => placeIn(folders, path));
  if (folders.certDir !== PKI_DIRECTORY) existing.delete(AGENT_IDENTITY);
  return existing;
}

function placeIn({ certDir, kubeconfigDir }: RequestFolders, path: string): string {
  if (path.startsWith(`${PKI_DIRECTORY}/`)) return `${certDir}${path.slice(PKI_DIRECTORY.length)}`;
  if (path.startsWith(`${KUBERNETES_DIRECTORY}/`))
    return `${kubeconfigDir}${path.slice(KUBERNETES_DIRECTORY.length)}`;
  return path;
}

async function makeFolder(host: Host, path: string): Promise<void> {
  if ((await host.stat(path)) !== undefined) return;
  await makeFolder(host, dirname(path));
  await host.makeDirectory(path, { mode: 0o700, uid: 0, gid: 0 });
}
