import { stringify } from 'yaml';
import type { HostEntry } from '../config/hosts.ts';
import type { Documents } from '../config/schema.ts';
import { type ClusterPin, type ComponentOffer, JOIN_TOKEN_TTL_SECONDS } from './reception.ts';

export interface WorkerConfiguration {
  /** What holds for all hosts. */
  readonly documents: Documents;
  /** What holds for this one. */
  readonly entry?: HostEntry;
  readonly offer: ComponentOffer;
  /** The cluster and the token to join it with; left out for a host that is only prepared. */
  readonly cluster?: ClusterPin & { readonly token: string };
  readonly ignorePreflightErrors?: readonly string[];
  /** Given for one that is to be a control plane; the key as soon as certificates were uploaded with it. */
  readonly controlPlane?: { readonly certificateKey?: string };
}

/** What goes to the `kadm join --config -` of a host: documents that a person could have written. */
export function workerConfiguration(worker: WorkerConfiguration): string {
  const { documents, entry, offer, cluster } = worker;
  const { JoinConfiguration: join, KubeletConfiguration: kubelet } = documents;
  const { controlPlane: local, ...rest } = join ?? {};
  const { hosts: _, ...spec } = documents.Cluster?.spec ?? {};
  const { url, artifacts } = offer;
  return yamlDocuments([
    {
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'ClusterConfiguration',
      kubernetesVersion: offer.kubernetesVersion,
    },
    {
      ...rest,
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'JoinConfiguration',
      ...(cluster && {
        discovery: {
          bootstrapToken: {
            apiServerEndpoint: cluster.endpoint,
            token: cluster.token,
            caCertHashes: [cluster.caCertHash],
          },
        },
      }),
      ...(worker.controlPlane && {
        controlPlane: { ...local, ...advertised(local, entry), ...worker.controlPlane },
      }),
      nodeRegistration: {
        ...join?.nodeRegistration,
        ...(worker.ignorePreflightErrors && { ignorePreflightErrors: worker.ignorePreflightErrors }),
        ...registration(join?.nodeRegistration, entry),
      },
    },
    {
      apiVersion: 'kadm.io/v1',
      kind: 'Cluster',
      spec: { ...spec, components: { source: { kind: 'http', url, artifacts } } },
    },
    ...kubeletDocuments(kubelet, entry),
  ]);
}

/** What goes to `kadm init --config -`: the documents, with a token that lives as long as the workers need it. */
export function controlPlaneConfiguration(documents: Documents, entry: HostEntry, token: string): string {
  const { InitConfiguration: init, Cluster: cluster, KubeletConfiguration: kubelet, ...rest } = documents;
  const { hosts: _, ...spec } = cluster?.spec ?? {};
  return yamlDocuments([
    {
      ...init,
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'InitConfiguration',
      ...(entry.nodeIP && {
        localAPIEndpoint: { advertiseAddress: entry.nodeIP, ...init?.localAPIEndpoint },
      }),
      bootstrapTokens: [{ token, ttl: `${JOIN_TOKEN_TTL_SECONDS}s` }],
      nodeRegistration: { ...init?.nodeRegistration, ...(entry.nodeName && { name: entry.nodeName }) },
    },
    { apiVersion: 'kadm.io/v1', kind: 'Cluster', spec },
    ...kubeletDocuments(kubelet, entry),
    ...Object.values(rest),
  ]);
}

/** The address of a control plane is that of its node, where the file says one. */
function advertised(
  all: NonNullable<Documents['JoinConfiguration']>['controlPlane'],
  entry: HostEntry | undefined,
): object {
  if (entry?.nodeIP === undefined) return {};
  return { localAPIEndpoint: { ...all?.localAPIEndpoint, advertiseAddress: entry.nodeIP } };
}

/** Name and address of one node, as kubeadm's documents say them. */
function registration(
  all: NonNullable<Documents['JoinConfiguration']>['nodeRegistration'],
  entry: HostEntry | undefined,
): object {
  const others = all?.kubeletExtraArgs?.filter(({ name }) => name !== 'node-ip') ?? [];
  return {
    ...(entry?.nodeName && { name: entry.nodeName }),
    ...(entry?.nodeIP && { kubeletExtraArgs: [...others, { name: 'node-ip', value: entry.nodeIP }] }),
  };
}

/** The KubeletConfiguration of one host: that of all, and what its entry says over it. */
function kubeletDocuments(all: Documents['KubeletConfiguration'], entry: HostEntry | undefined): object[] {
  if (all === undefined && entry?.kubelet === undefined && entry?.taints === undefined) return [];
  return [
    {
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      ...all,
      // From the start, or pods would come before the taints do.
      ...(entry?.taints && entry.role !== 'control-plane' && { registerWithTaints: entry.taints }),
      ...entry?.kubelet,
    },
  ];
}

export function yamlDocuments(documents: readonly object[]): string {
  return documents.map((document) => stringify(document)).join('---\n');
}
