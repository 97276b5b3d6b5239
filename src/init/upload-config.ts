import readerTemplate from '../../templates/objects/config-reader.yaml';
import type { ComponentSettings } from '../config/control-plane.ts';
import type { ImageChoice } from '../config/image-names.ts';
import type { InitSettings } from '../config/settings.ts';
import { goDuration } from '../config/values.ts';
import { renderManifest } from '../kube/manifest.ts';
import { kubeYaml } from '../kube/yaml.ts';
import { kubeletConfiguration } from '../node/kubelet.ts';
import type { Phase } from '../phases/phase.ts';
import { applyAll } from './apply.ts';
import { cidrList, clusterDNS, type InitContext } from './context.ts';

/** Name and key of the ConfigMap in which kadm keeps what kubeadm's ConfigMaps have no place for. */
export const KADM_CONFIG = { name: 'kadm-config', key: 'network' } as const;

/** What is kept, each in the ConfigMap PART-config, with the right of joining nodes to read it. */
const KEPT: Readonly<Record<string, (context: InitContext) => object[]>> = {
  kubeadm: (context) => [
    configMap('kubeadm-config', { ClusterConfiguration: kubeYaml(clusterConfiguration(context)) }),
    ...reader('kubeadm:nodes-kubeadm-config', 'kubeadm-config'),
  ],
  kubelet: (context) => [
    configMap('kubelet-config', { kubelet: kubeYaml(kubeletConfig(context)) }),
    ...reader('kubeadm:kubelet-config', 'kubelet-config'),
  ],
  kadm: (context) => networkConfigObjects(networkConfig(context)),
};

/** Keeps the cluster's configuration in the cluster, where joining nodes, and kubeadm, look for it. */
export const uploadConfig: Phase<InitContext> = {
  id: 'upload-config',
  title: 'Keep the configuration in the cluster',
  needs: ['wait-namespaces'],
  parts: Object.keys(KEPT),
  async run(context, step) {
    await applyAll(
      context,
      step.parts.flatMap((part) => KEPT[part]?.(context) ?? []),
    );
  },
};

/** ClusterConfiguration as kubeadm of the same minor version reads and writes it. */
export function clusterConfiguration({
  settings,
  release,
}: Pick<InitContext, 'settings' | 'release'>): Record<string, unknown> {
  const { apiServer, controllerManager, scheduler } = settings.components;
  const { images, without } = settings;
  return {
    apiServer: { ...component(apiServer), ...filled({ certSANs: settings.certSANs }) },
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    caCertificateValidityPeriod: goDuration(settings.certificateValidity.authoritySeconds),
    certificateValidityPeriod: goDuration(settings.certificateValidity.leafSeconds),
    certificatesDir: settings.certificatesDir,
    clusterName: settings.clusterName,
    ...filled({ controlPlaneEndpoint: settings.controlPlaneEndpoint }),
    controllerManager: component(controllerManager),
    dns: { ...imageChoice(images.dns), ...(without.dns ? { disabled: true } : {}) },
    encryptionAlgorithm: settings.keyAlgorithm,
    etcd: etcdConfiguration(settings),
    ...filled({ featureGates: settings.featureGates }),
    imageRepository: images.repository,
    kind: 'ClusterConfiguration',
    kubernetesVersion: release().kubernetes,
    networking: {
      dnsDomain: settings.dnsDomain,
      podSubnet: cidrList(settings.podCidrs),
      serviceSubnet: cidrList(settings.serviceCidrs),
    },
    proxy: without.proxy ? { disabled: true } : {},
    scheduler: component(scheduler),
  };
}

function component({ extraArgs, extraVolumes, extraEnvs }: ComponentSettings): object {
  return filled({ extraArgs, extraEnvs, extraVolumes });
}

function etcdConfiguration({ etcd, images }: InitSettings): object {
  const { kind, ...fields } = etcd;
  if (kind === 'external') return { external: { caFile: '', certFile: '', keyFile: '', ...filled(fields) } };
  return { local: { ...filled(fields), ...imageChoice(images.etcd) } };
}

function imageChoice({ repository, tag }: ImageChoice): object {
  return filled({ imageRepository: repository, imageTag: tag });
}

/** Without the fields that hold nothing: kubeadm leaves them out. */
function filled(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const empty = (value: unknown): boolean =>
    value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !empty(value)));
}

/** KubeletConfiguration of all nodes. */
export function kubeletConfig({ settings }: Pick<InitContext, 'settings'>): Record<string, unknown> {
  return kubeletConfiguration(clusterDNS(settings), settings.dnsDomain, settings.kubelet);
}

/** The cluster's network, where the agents of its nodes look for it. */
export function networkConfigObjects(network: object): object[] {
  return [
    configMap(KADM_CONFIG.name, { [KADM_CONFIG.key]: kubeYaml(network) }),
    ...reader('kadm:nodes-kadm-config', KADM_CONFIG.name),
  ];
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
