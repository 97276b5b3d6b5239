import { DEFAULT_KUBERNETES_VERSION, releaseFor } from '../components/catalog.ts';
import { someHost } from '../config/meaning.ts';
import type { Documents } from '../config/schema.ts';
import { type InitFlags, initSettings } from '../config/settings.ts';
import { EXIT, UserError } from '../errors.ts';
import { COMPONENT_KINDS, effectiveConfiguration } from '../init/effective-configuration.ts';
import { controlPlaneImages } from '../init/images.ts';
import { defaultAddress, loadDocuments, ownHostname } from './options.ts';

/** Stands for an address or a token that only its user knows, as kubeadm's defaults have them. */
const PLACEHOLDER = { address: '1.2.3.4', hostname: 'node', token: 'abcdef.0123456789abcdef' } as const;

/** The documents of `kadm init` on this host with these flags and this configuration. @throws UserError (usage) */
export async function initDocuments(flags: InitFlags, documents: Documents): Promise<object[]> {
  const services = flags.serviceCidr ?? documents.ClusterConfiguration?.networking?.serviceSubnet;
  const facts = { hostname: ownHostname(), defaultAddress: await defaultAddress(services) };
  const settings = initSettings(flags, documents, facts, DEFAULT_KUBERNETES_VERSION);
  return effectiveConfiguration(settings, releaseFor(settings.kubernetesVersion));
}

/**
 * What holds where nothing is said.
 * @param what `--defaults` for all of init, or as kubeadm names it
 * @throws UserError (usage) for a component that there is not
 */
export function defaultDocuments(what: string, components: readonly string[]): object[] {
  const unknown = components.find((kind) => !COMPONENT_KINDS.some((one) => one === kind));
  if (unknown !== undefined) {
    throw new UserError(`--component-configs: there is no ${JSON.stringify(unknown)}`, {
      remedy: `kinds are ${COMPONENT_KINDS.join(', ')}`,
      exitCode: EXIT.usage,
    });
  }
  if (what === 'join-defaults') return [joinDefaults()];
  if (what === 'reset-defaults') return [resetDefaults()];
  const facts = { hostname: PLACEHOLDER.hostname, defaultAddress: PLACEHOLDER.address };
  const settings = initSettings({}, {}, facts, DEFAULT_KUBERNETES_VERSION);
  const all = effectiveConfiguration(settings, releaseFor(settings.kubernetesVersion));
  if (what === '--defaults') return all;
  const wanted = ['InitConfiguration', 'ClusterConfiguration', ...components];
  return all.filter((document) => 'kind' in document && wanted.includes(String(document.kind)));
}

/** The images of a control plane with this configuration. @throws UserError (usage) */
export async function imagesOf(
  config: string | undefined,
  flags: { readonly kubernetesVersion?: string; readonly imageRepository?: string },
): Promise<string[]> {
  const documents = await loadDocuments(config);
  const settings = initSettings(flags, documents, someHost(documents), DEFAULT_KUBERNETES_VERSION);
  return controlPlaneImages({ settings, release: () => releaseFor(settings.kubernetesVersion) });
}

function joinDefaults(): object {
  return {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'JoinConfiguration',
    caCertPath: '/etc/kubernetes/pki/ca.crt',
    discovery: {
      bootstrapToken: {
        apiServerEndpoint: 'kube-apiserver:6443',
        token: PLACEHOLDER.token,
        caCertHashes: [`sha256:${'0'.repeat(64)}`],
      },
      tlsBootstrapToken: PLACEHOLDER.token,
    },
    nodeRegistration: {
      name: PLACEHOLDER.hostname,
      criSocket: 'unix:///run/containerd/containerd.sock',
      taints: [],
      imagePullPolicy: 'IfNotPresent',
      imagePullSerial: false,
    },
    timeouts: { kubeletHealthCheck: '4m0s', kubernetesAPICall: '1m0s', tlsBootstrap: '5m0s' },
  };
}

function resetDefaults(): object {
  return {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'ResetConfiguration',
    criSocket: 'unix:///run/containerd/containerd.sock',
    force: false,
    skipPhases: [],
  };
}
