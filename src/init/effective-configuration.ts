import type { Release } from '../components/catalog.ts';
import { durationText } from '../config/fields.ts';
import type { InitSettings } from '../config/settings.ts';
import { kubeProxyConfiguration } from './addon-kube-proxy.ts';
import { clusterConfiguration, kubeletConfig } from './upload-config.ts';

/** Kinds of documents that describe components. */
export const COMPONENT_KINDS = ['KubeletConfiguration', 'KubeProxyConfiguration'] as const;

/**
 * The documents by which `kadm init` would do just the same: what was given, and the default of all that was not. A
 * join token is left out, so that it is in nobody's files.
 */
export function effectiveConfiguration(settings: InitSettings, release: Release): object[] {
  const context = { settings, release: () => release };
  return [
    initConfiguration(settings),
    clusterConfiguration(context),
    kubeletConfig(context),
    kubeProxyConfiguration(context),
    kadmCluster(settings),
  ];
}

function initConfiguration(settings: InitSettings): object {
  const { tokenOptions, imagePull, timeouts } = settings;
  return {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'InitConfiguration',
    bootstrapTokens: [
      {
        ...(tokenOptions.description === undefined ? {} : { description: tokenOptions.description }),
        ...(tokenOptions.expires === undefined
          ? { ttl: durationText(tokenOptions.ttlSeconds) }
          : { expires: tokenOptions.expires.toISOString() }),
        usages: tokenOptions.usages ?? ['signing', 'authentication'],
        groups: tokenOptions.groups ?? ['system:bootstrappers:kubeadm:default-node-token'],
      },
    ],
    localAPIEndpoint: { advertiseAddress: settings.advertiseAddress, bindPort: settings.apiPort },
    nodeRegistration: {
      name: settings.nodeName,
      criSocket: 'unix:///run/containerd/containerd.sock',
      taints: settings.taints ?? [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }],
      kubeletExtraArgs: settings.kubeletExtraArgs,
      ignorePreflightErrors: settings.ignorePreflightErrors,
      imagePullPolicy: imagePull.policy,
      imagePullSerial: imagePull.serial,
    },
    ...(settings.patchesDirectory === undefined ? {} : { patches: { directory: settings.patchesDirectory } }),
    skipPhases: settings.skipPhases,
    timeouts: {
      controlPlaneComponentHealthCheck: durationText(timeouts.controlPlaneMs / 1000),
      kubernetesAPICall: durationText(timeouts.apiCallMs / 1000),
    },
  };
}

function kadmCluster({ componentSource, restrictOOMScoreAdj, network }: InitSettings): object {
  return {
    apiVersion: 'kadm.io/v1',
    kind: 'Cluster',
    spec: {
      ...(componentSource === undefined ? {} : { components: { source: componentSource } }),
      containerd: { restrictOOMScoreAdj },
      network,
    },
  };
}
