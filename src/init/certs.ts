import { addressAt } from '../config/cidr.ts';
import type { InitSettings } from '../config/settings.ts';
import { hostOf } from '../config/values.ts';
import { changesOf } from '../node/context.ts';
import { existingPki } from '../node/pki-files.ts';
import type { Changes } from '../phases/changes.ts';
import type { Phase } from '../phases/phase.ts';
import { PKI_DIRECTORY, type PkiFile, planPki } from '../pki/pki.ts';
import { CERTS_PARTS, type PkiSettings } from '../pki/table.ts';
import { type ControlPlaneContext, joinEndpoint, localUrl, serverUrl } from './context.ts';

/** The certificate authorities and the certificates that they sign: what is there and right stays. */
export const certs: Phase<ControlPlaneContext> = {
  id: 'certs',
  title: 'Make the certificates',
  needs: ['preflight'],
  parts: CERTS_PARTS,
  async run(context, step) {
    const made = await makePki(context, changesOf(context, 'certs'), step.parts);
    if (made.length === 0) step.note('the configuration names another etcd');
  },
};

/**
 * Makes what is missing of these parts of the PKI.
 * @returns all files of theirs, new and kept ones
 * @throws UserError as planPki does
 */
export async function makePki(
  { host, settings }: ControlPlaneContext,
  changes: Changes,
  parts: readonly string[],
): Promise<PkiFile[]> {
  await makePkiFolder(changes, settings.certificatesDir);
  const files = await planPki(pkiSettings(settings), await existingPki(host), new Date(), parts);
  await changes.files(files);
  return files;
}

/** Another place for the certificates is one to which the usual one leads: everybody finds them there as well. */
export async function makePkiFolder(changes: Changes, directory: string): Promise<void> {
  await changes.directory(directory, 0o700);
  if (directory === PKI_DIRECTORY || (await changes.host.stat(PKI_DIRECTORY)) !== undefined) return;
  await changes.link(PKI_DIRECTORY, directory);
}

/** What the certificates of this control plane depend on. */
export function pkiSettings(settings: InitSettings): PkiSettings {
  const endpoint = settings.controlPlaneEndpoint;
  return {
    nodeName: settings.nodeName,
    advertiseAddress: settings.advertiseAddress,
    controlPlaneHost: endpoint === undefined ? undefined : hostOf(joinEndpoint(settings)),
    // As with kubeadm: the Service of the API server has an address of the primary family alone.
    serviceAddresses: settings.serviceCidrs.slice(0, 1).map((cidr) => addressAt(cidr, 1)),
    dnsDomain: settings.dnsDomain,
    certSANs: settings.certSANs,
    etcd:
      settings.etcd.kind === 'external'
        ? 'external'
        : { serverSANs: settings.etcd.serverCertSANs, peerSANs: settings.etcd.peerCertSANs },
    keyAlgorithm: settings.keyAlgorithm,
    validity: settings.certificateValidity,
    clusterName: settings.clusterName,
    server: serverUrl(settings),
    localServer: localUrl(settings),
  };
}
