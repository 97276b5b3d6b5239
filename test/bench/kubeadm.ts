import { chmod, copyFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { DEFAULT_KUBERNETES_VERSION, installPath } from '../../src/components/catalog.ts';
import { ComponentStore } from '../../src/components/store.ts';
import { DEFAULTS } from '../../src/config/defaults.ts';
import { parseDocuments } from '../../src/config/documents.ts';
import { CONFIG_PATH } from '../../src/lab/host-config.ts';
import type { KeyAlgorithm } from '../../src/pki/keys.ts';
import type { BenchHost } from './bench-lab.ts';

export const KUBEADM_CONFIG = '/root/kubeadm.yaml';

/** kubeadm refuses cgroup v1 by this check, and machines that labs run on may have nothing else. */
const IGNORED_CHECKS = 'SystemVerification';

export const KUBEADM_INIT = [
  'kubeadm',
  'init',
  '--config',
  KUBEADM_CONFIG,
  `--ignore-preflight-errors=${IGNORED_CHECKS}`,
] as const;

/** Puts kubeadm and its configuration on a host; without an algorithm it makes keys of its own default, RSA-2048. */
export async function installKubeadm(
  host: BenchHost,
  store: string,
  algorithm?: KeyAlgorithm,
): Promise<void> {
  const components = new ComponentStore(store);
  const found = (await components.index(DEFAULT_KUBERNETES_VERSION)).find(({ name }) => name === 'kubeadm');
  if (found === undefined) throw new Error(`the component store ${store} has no kubeadm`);
  const target = `${host.rootfs}${installPath('kubeadm')}`;
  await copyFile(components.blobPath(found.sha256), target);
  await chmod(target, 0o755);
  await host.writeFile(KUBEADM_CONFIG, await kubeadmConfig(host, algorithm));
}

/**
 * kubeadm's configuration for a lab host: the cluster that a bare `kadm init` makes there, with the settings
 * that the machine below asks of the kubelet and of kube-proxy, read from the host's own kadm configuration.
 */
export async function kubeadmConfig(host: BenchHost, algorithm?: KeyAlgorithm): Promise<string> {
  const lab = parseDocuments(await host.readFile(CONFIG_PATH), CONFIG_PATH);
  const api = 'kubeadm.k8s.io/v1beta4';
  const documents = [
    {
      apiVersion: api,
      kind: 'InitConfiguration',
      localAPIEndpoint: { advertiseAddress: host.address, bindPort: DEFAULTS.apiPort },
    },
    {
      apiVersion: api,
      kind: 'ClusterConfiguration',
      kubernetesVersion: DEFAULT_KUBERNETES_VERSION,
      ...(algorithm === undefined ? {} : { encryptionAlgorithm: algorithm }),
      networking: { podSubnet: DEFAULTS.podCidr, serviceSubnet: DEFAULTS.serviceCidr },
    },
    {
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      ...lab.KubeletConfiguration,
    },
    {
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      ...lab.KubeProxyConfiguration,
    },
  ];
  return documents.map((document) => stringify(document)).join('---\n');
}
