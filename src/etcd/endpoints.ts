import type { KubeClient } from '../kube/client.ts';

const PODS = '/api/v1/namespaces/kube-system/pods';
/** On the static pods of etcd, by kadm and kubeadm alike. */
const ANNOTATION = 'kubeadm.kubernetes.io/etcd.advertise-client-urls';

interface Pod {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
}

/** URLs of the members of a cluster's etcd that runs on its control planes, as their pods tell them. */
export async function etcdEndpoints(client: KubeClient): Promise<string[]> {
  const labelSelector = 'component=etcd,tier=control-plane';
  const { items } = await client.list<Pod>(PODS, { labelSelector });
  return items.flatMap(({ metadata }) => metadata.annotations?.[ANNOTATION]?.split(',') ?? []);
}
