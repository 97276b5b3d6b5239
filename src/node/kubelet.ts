import { stringify } from 'yaml';
import unitTemplate from '../../templates/systemd/kubelet.service';
import type { ExtraArg, NodeSettings } from '../config/settings.ts';
import type { Changes } from '../phases/changes.ts';

export const KUBELET_CONFIG = '/var/lib/kubelet/config.yaml';
export const KUBELET_KUBECONFIG = '/etc/kubernetes/kubelet.conf';
export const KUBELET_CLIENT_PEM = '/var/lib/kubelet/pki/kubelet-client-current.pem';

/** KubeletConfiguration as the cluster keeps it in the ConfigMap kubelet-config. */
export function kubeletConfiguration(
  clusterDNS: string,
  clusterDomain: string,
  overrides: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return {
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
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    healthzBindAddress: '127.0.0.1',
    healthzPort: 10248,
    // The kernel settings that the kubelet wants are kadm's to set, so that reset knows what they were.
    protectKernelDefaults: true,
    rotateCertificates: true,
    staticPodPath: '/etc/kubernetes/manifests',
    ...overrides,
  };
}

/**
 * Writes the kubelet's configuration for one node and starts its unit. The kubeconfig that it starts with
 * must be there before.
 */
export async function startKubelet(
  changes: Changes,
  configuration: Record<string, unknown>,
  settings: NodeSettings,
): Promise<void> {
  const resolved = await changes.host.stat('/run/systemd/resolve/resolv.conf');
  // Where systemd-resolved runs, /etc/resolv.conf names a stub that pods cannot reach.
  const local = { ...configuration, ...(resolved ? { resolvConf: '/run/systemd/resolve/resolv.conf' } : {}) };
  await changes.directory('/etc/kubernetes/manifests', 0o700);
  await changes.service('kubelet.service', unitTemplate, [
    { path: KUBELET_CONFIG, content: stringify({ ...local, ...settings.kubelet }), mode: 0o600 },
    { path: '/var/lib/kubelet/kubeadm-flags.env', content: flagsFile(settings), mode: 0o600 },
  ]);
}

function flagsFile(settings: NodeSettings): string {
  const flags: ExtraArg[] = [
    { name: 'hostname-override', value: settings.nodeName },
    { name: 'node-ip', value: settings.nodeIP },
    ...settings.kubeletExtraArgs,
  ];
  const words = flags.map(({ name, value }) => `--${name}=${value}`);
  return `KUBELET_KUBEADM_ARGS=${JSON.stringify(words.join(' '))}\n`;
}
