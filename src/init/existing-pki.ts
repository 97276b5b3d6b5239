import type { Host } from '../host/host.ts';
import { AGENT_IDENTITY, KUBERNETES_DIRECTORY, PKI_DIRECTORY } from '../pki/pki.ts';
import { AUTHORITIES, CERTIFICATES, KUBECONFIGS } from '../pki/table.ts';

/** The files of the PKI that are on the host already, by path. */
export async function existingPki(host: Host): Promise<Map<string, string>> {
  const pairs = [...Object.keys(AUTHORITIES), ...CERTIFICATES.map(({ file }) => file)];
  const paths = [
    ...pairs.flatMap((file) => [`${PKI_DIRECTORY}/${file}.crt`, `${PKI_DIRECTORY}/${file}.key`]),
    `${PKI_DIRECTORY}/sa.key`,
    `${PKI_DIRECTORY}/sa.pub`,
    ...KUBECONFIGS.map(({ file }) => `${KUBERNETES_DIRECTORY}/${file}`),
    AGENT_IDENTITY,
  ];
  const found = new Map<string, string>();
  for (const path of paths) {
    const content = await host.readFile(path);
    if (content !== undefined) found.set(path, content.toString('utf8'));
  }
  return found;
}
