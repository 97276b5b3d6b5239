import { stringify } from 'yaml';
import readerTemplate from '../../templates/objects/config-reader.yaml';
import { goDuration } from '../config/values.ts';
import { renderManifest } from '../kube/manifest.ts';
import { kubeletConfiguration } from '../node/kubelet.ts';
import type { Phase } from '../phases/phase.ts';
import { applyAll } from './apply.ts';
import { cidrList, clusterDNS, type InitContext } from './context.ts';

/** Name and key of the ConfigMap in which kadm keeps what kubeadm's ConfigMaps have no place for. */
export const KADM_CONFIG = { name: 'kadm-config', key: 'network' } as const;

/** Keeps the cluster's configuration in the cluster, where joining nodes, and kubeadm, look for it. */
export const uploadConfig: Phase<InitContext> = {
  id: 'upload-config',
  title: 'Keep the configuration in the cluster',
  needs: ['wait-namespaces'],
  async run(context, step) {
    await applyAll(context, step, [
      configMap('kubeadm-config', { ClusterConfiguration: stringify(clusterConfiguration(context)) }),
      configMap('kubelet-config', { kubelet: stringify(kubeletConfig(context)) }),
      configMap(KADM_CONFIG.name, { [KADM_CONFIG.key]: stringify(networkConfig(context)) }),
      ...reader('kubeadm:nodes-kubeadm-config', 'kubeadm-config'),
      ...reader('kubeadm:kubelet-config', 'kubelet-config'),
      ...reader('kadm:nodes-kadm-config', KADM_CONFIG.name),
    ]);
  },
};

/** ClusterConfiguration as kubeadm of the same minor version reads it. */
export function clusterConfiguration({ settings, release }: InitContext): object {
  const args = (extraArgs: readonly object[]): object => (extraArgs.length === 0 ? {} : { extraArgs });
  const { apiServer, controllerManager, scheduler } = settings.extraArgs;
  const sans = settings.certSANs.length === 0 ? {} : { certSANs: settings.certSANs };
  return {
    apiServer: { ...args(apiServer), ...sans },
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    caCertificateValidityPeriod: goDuration(settings.certificateValidity.authoritySeconds),
    certificateValidityPeriod: goDuration(settings.certificateValidity.leafSeconds),
    certificatesDir: '/etc/kubernetes/pki',
    clusterName: settings.clusterName,
    ...(settings.controlPlaneEndpoint === undefined
      ? {}
      : { controlPlaneEndpoint: settings.controlPlaneEndpoint }),
    controllerManager: args(controllerManager),
    dns: {},
    encryptionAlgorithm: settings.keyAlgorithm,
    etcd: { local: { dataDir: '/var/lib/etcd' } },
    imageRepository: 'registry.k8s.io',
    kind: 'ClusterConfiguration',
    kubernetesVersion: release().kubernetes,
    networking: {
      dnsDomain: settings.dnsDomain,
      podSubnet: cidrList(settings.podCidrs),
      serviceSubnet: cidrList(settings.serviceCidrs),
    },
    proxy: {},
    scheduler: args(scheduler),
  };
}

export function kubeletConfig({ settings }: InitContext): Record<string, unknown> {
  return kubeletConfiguration(clusterDNS(settings), settings.dnsDomain, settings.kubelet);
}

function networkConfig({ settings }: InitContext): object {
  return {
    podCidrs: settings.podCidrs.map((cidr) => cidr.text),
    serviceCidrs: settings.serviceCidrs.map((cidr) => cidr.text),
    ...settings.network,
  };
}

function configMap(name: string, data: Record<string, string>): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'kube-system' }, data };
}

function reader(role: string, name: string): object[] {
  return renderManifest(readerTemplate, { role, configMap: name });
}
