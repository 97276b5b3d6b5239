import { parseDocuments } from '../../config/documents.ts';
import { type InitSettings, initSettings } from '../../config/settings.ts';
import type { Cluster } from '../context.ts';

/** The settings of a control plane that joins: those of its cluster, and what holds for this host. */
export function controlPlaneSettings(
  { settings, kubernetesVersion, clusterConfiguration, network }: Cluster,
  environment: Readonly<Record<string, string | undefined>>,
): InitSettings {
  const { controlPlane } = settings;
  if (controlPlane === undefined) throw new Error('this host joins as a worker');
  const { advertiseAddress, apiPort: bindPort } = controlPlane;
  const documents = parseDocuments(clusterConfiguration, 'ConfigMap kube-system/kubeadm-config');
  const facts = { hostname: settings.nodeName, defaultAddress: advertiseAddress, environment };
  const ofCluster = initSettings(
    {},
    {
      ...documents,
      InitConfiguration: {
        apiVersion: 'kubeadm.k8s.io/v1beta4',
        kind: 'InitConfiguration',
        localAPIEndpoint: { advertiseAddress, bindPort },
      },
    },
    facts,
    kubernetesVersion,
  );
  // The proxy's variables name the networks of the cluster, which the host alone does not know.
  const { proxy: _, ...ofHost } = settings;
  return { ...ofCluster, ...ofHost, ...(network && { network: ofNetwork(network) }) };
}

function ofNetwork({
  backend,
  vni,
  port,
  exclusive,
}: NonNullable<Cluster['network']>): InitSettings['network'] {
  return { backend, vni, port, exclusive };
}
