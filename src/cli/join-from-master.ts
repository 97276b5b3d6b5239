import { parse } from 'yaml';
import { joinHosts } from '../fleet/join.ts';
import { LocalHost } from '../host/host.ts';
import { addressTowards } from '../host/network.ts';
import { componentsFrom } from '../node/component-source.ts';
import { adminAccess, notAMaster } from './cluster-access.ts';
import { loadDocuments } from './options.ts';
import type { VerbRun } from './run.ts';
import { ownExecutable, targetsFrom } from './ssh-options.ts';

interface ConfigMap {
  readonly data?: Readonly<Record<string, string>>;
}

/** `kadm join --ssh`: everything that the workers need is known on the master. */
export async function joinFromMaster(
  hosts: readonly string[],
  options: {
    readonly config?: string;
    readonly acceptNewHostKeys?: boolean;
    readonly ignorePreflightErrors?: readonly string[];
  },
  { emit, signal }: VerbRun,
): Promise<void> {
  const targets = await targetsFrom(hosts);
  const documents = await loadDocuments(options.config);
  const access = await adminAccess();
  if (access === undefined) throw notAMaster();
  const { client, server, caPem } = access;
  try {
    const path = '/api/v1/namespaces/kube-system/configmaps/kubeadm-config';
    const { data } = await client.get<ConfigMap>(path);
    const { kubernetesVersion } = parse(data?.ClusterConfiguration ?? '') as { kubernetesVersion: string };
    const first = targets[0];
    const address = first === undefined ? undefined : await addressTowards(new LocalHost(), first.host);
    await joinHosts({
      targets,
      connect: { acceptNewHostKeys: options.acceptNewHostKeys === true, signal },
      executable: await ownExecutable(),
      client,
      endpoint: new URL(server).host,
      caPem,
      kubernetesVersion,
      address: address ?? new URL(server).hostname,
      store: componentsFrom(documents.Cluster?.spec.components?.source).store,
      documents,
      ignorePreflightErrors: options.ignorePreflightErrors ?? [],
      emit,
      signal,
    });
  } finally {
    client.close();
  }
}
