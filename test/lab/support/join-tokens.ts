import { ApiError, KubeClient } from '../../../src/kube/client.ts';
import type { LabHost } from '../../../src/lab/lab-host.ts';
import { credentialsFrom } from '../../../src/pki/kubeconfig.ts';
import { read } from './certificates.ts';

/** Whether cluster-info has this token's signature, for those who have no rights. */
export async function isSigned(host: LabHost, token: string): Promise<boolean> {
  const path = '/api/v1/namespaces/kube-public/configmaps/cluster-info';
  return await withClient(host, undefined, async (client) => {
    const { data } = await client.get<{ data: Record<string, string> }>(path);
    return data[`jws-kubeconfig-${token.slice(0, 6)}`] !== undefined;
  });
}

/** Whether the API server answers whoever has this token. */
export async function isAnswered(host: LabHost, token: string): Promise<boolean> {
  return await withClient(host, token, async (client) => {
    try {
      await client.get(`/api/v1/nodes/${host.name}`);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return false;
      throw error;
    }
  });
}

async function withClient<T>(
  host: LabHost,
  token: string | undefined,
  use: (client: KubeClient) => Promise<T>,
): Promise<T> {
  const { server, caPem } = credentialsFrom(await read(host, '/etc/kubernetes/admin.conf'));
  const client = new KubeClient({ server, caPem, ...(token === undefined ? {} : { token }) });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}
