import unitTemplate from '../../templates/systemd/kubelet.service';
import type { ExtraArg } from '../config/control-plane.ts';
import type { Taint } from '../config/kubeadm-parts.ts';
import type { NodeSettings } from '../config/node-settings.ts';
import { type Json, type JsonObject, mergePatch } from '../kube/json-patch.ts';
import { kubeYaml } from '../kube/yaml.ts';
import type { Changes } from '../phases/changes.ts';
import { type Patch, patched } from './patches.ts';

export const KUBELET_CONFIG = '/var/lib/kubelet/config.yaml';
export const KUBELET_KUBECONFIG = '/etc/kubernetes/kubelet.conf';
export const KUBELET_CLIENT_PEM = '/var/lib/kubelet/pki/kubelet-client-current.pem';

/** Where kubeadm looks for this node's container runtime; what it says of it there is in the configuration too. */
const INSTANCE_CONFIG = '/var/lib/kubelet/instance-config.yaml';
const RUNTIME_ENDPOINT = 'unix:///var/run/containerd/containerd.sock';

/** KubeletConfiguration as the cluster keeps it in the ConfigMap kubelet-config. */
export function kubeletConfiguration(
  clusterDNS: string,
  clusterDomain: string,
  overrides: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const own = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: '/etc/kubernetes/pki/ca.crt' },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'systemd',
    clusterDNS: [clusterDNS],
    clusterDomain,
    healthzBindAddress: '127.0.0.1',
    healthzPort: 10248,
    rotateCertificates: true,
    // Signed by the cluster, so that the API server knows to whom it talks; the agents of control planes approve it.
    serverTLSBootstrap: true,
    staticPodPath: '/etc/kubernetes/manifests',
  };
  return mergePatch(own, overrides as JsonObject) as Record<string, unknown>;
}

/**
 * Writes the kubelet's configuration for one node and starts its unit. The kubeconfig that it starts with
 * must be there before.
 * @param taints given to the node when the kubelet makes it; left out where something else does
 */
export async function startKubelet(
  changes: Changes,
  configuration: Record<string, unknown>,
  settings: NodeSettings,
  patches: readonly Patch[],
  taints: readonly Taint[] = [],
): Promise<void> {
  const resolved = (await changes.host.stat('/run/systemd/resolve/resolv.conf')) !== undefined;
  const local = localConfiguration(configuration, settings.kubelet, patches, resolved);
  const instance = { containerRuntimeEndpoint: runtimeEndpoint(configuration) };
  await changes.directory('/etc/kubernetes/manifests', 0o700);
  await changes.service('kubelet.service', unitTemplate, [
    { path: KUBELET_CONFIG, content: kubeYaml(local), mode: 0o600 },
    { path: INSTANCE_CONFIG, content: kubeYaml(instance), mode: 0o600 },
    { path: '/var/lib/kubelet/kubeadm-flags.env', content: flagsFile(settings, taints), mode: 0o600 },
  ]);
}

/** The cluster's configuration leaves it to each node, as kubeadm's does. */
function runtimeEndpoint(cluster: Readonly<Record<string, unknown>>): string {
  const { containerRuntimeEndpoint: given } = cluster;
  return typeof given === 'string' && given !== '' ? given : RUNTIME_ENDPOINT;
}

/**
 * The configuration of one node, from that of all.
 * @param resolved whether systemd-resolved runs: /etc/resolv.conf then names a stub that pods cannot reach
 * @throws UserError (usage) for a patch that does not apply
 */
export function localConfiguration(
  cluster: Readonly<Record<string, unknown>>,
  overrides: Readonly<Record<string, unknown>>,
  patches: readonly Patch[],
  resolved: boolean,
): object {
  const local = {
    // The kernel settings that the kubelet wants are kadm's to set, so that reset knows what they were. Nodes that
    // kubeadm joins read the cluster's configuration, and nobody has set theirs: so it stands here.
    protectKernelDefaults: true,
    ...cluster,
    containerRuntimeEndpoint: runtimeEndpoint(cluster),
    ...(resolved ? { resolvConf: '/run/systemd/resolve/resolv.conf' } : {}),
  };
  return patched(
    patches,
    'kubeletconfiguration',
    mergePatch(local as Json, overrides as JsonObject) as object,
  );
}

/** An extra argument takes the place of kadm's own of that name. */
export function flagsFile(settings: NodeSettings, taints: readonly Taint[]): string {
  const own: ExtraArg[] = [
    { name: 'hostname-override', value: settings.nodeName },
    { name: 'node-ip', value: settings.nodeIP },
    ...(taints.length === 0
      ? []
      : [{ name: 'register-with-taints', value: taints.map(taintText).join(',') }]),
  ];
  const given = new Set(settings.kubeletExtraArgs.map(({ name }) => name));
  const flags = [...own.filter(({ name }) => !given.has(name)), ...settings.kubeletExtraArgs];
  const words = flags.map(({ name, value }) => `--${name}=${value}`);
  return `KUBELET_KUBEADM_ARGS=${JSON.stringify(words.join(' '))}\n`;
}

function taintText({ key, value, effect }: Taint): string {
  return `${key}${value === undefined ? '' : `=${value}`}:${effect}`;
}
