import type { Host } from '../host/host.ts';
import { AGENT_IDENTITY, AGENT_PAIR, KUBERNETES_DIRECTORY, PKI_DIRECTORY } from '../pki/plan.ts';
import { AUTHORITIES, CERTIFICATES, KUBECONFIGS } from '../pki/table.ts';

/** Where a file of the PKI is when the folders are others than kubeadm's usual ones. */
export function placedIn(certDir: string, kubeconfigDir = KUBERNETES_DIRECTORY): (path: string) => string {
  return (path) => {
    if (path.startsWith(`${PKI_DIRECTORY}/`)) return `${certDir}${path.slice(PKI_DIRECTORY.length)}`;
    if (!path.startsWith(`${KUBERNETES_DIRECTORY}/`)) return path;
    return `${kubeconfigDir}${path.slice(KUBERNETES_DIRECTORY.length)}`;
  };
}

/**
 * The files of the PKI that are on the host already, by path.
 * @param at where to look for the file of such a path, when not there
 */
export async function existingPki(
  host: Host,
  at: (path: string) => string = (path) => path,
): Promise<Map<string, string>> {
  const pairs = [...Object.keys(AUTHORITIES), ...CERTIFICATES.map(({ file }) => file)];
  const paths = [
    ...pairs.flatMap((file) => [`${PKI_DIRECTORY}/${file}.crt`, `${PKI_DIRECTORY}/${file}.key`]),
    `${PKI_DIRECTORY}/sa.key`,
    `${PKI_DIRECTORY}/sa.pub`,
    ...KUBECONFIGS.flatMap(({ file }) => [
      `${KUBERNETES_DIRECTORY}/${file}`,
      `${KUBERNETES_DIRECTORY}/${file}.crt`,
    ]),
    `${AGENT_PAIR}.crt`,
    `${AGENT_PAIR}.key`,
    AGENT_IDENTITY,
  ];
  const found = new Map<string, string>();
  for (const path of paths) {
    const content = await host.readFile(at(path));
    if (content !== undefined) found.set(path, content.toString('utf8'));
  }
  return found;
}
