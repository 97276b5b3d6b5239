import type { Host } from '../host/host.ts';
import { KubeClient } from '../kube/client.ts';
import { credentialsFrom } from '../pki/kubeconfig.ts';

export const SUPER_ADMIN_KUBECONFIG = '/etc/kubernetes/super-admin.conf';

/** One client for a whole run, made when the first phase asks for it. */
export interface LazyClient {
  readonly get: () => Promise<KubeClient>;
  readonly close: () => Promise<void>;
}

/**
 * A client with the rights of system:masters, by the kubeconfig of this host.
 * @param where the URL of the API server, and the bound of one call
 */
export function lazyClient(
  host: Host,
  where: () => { readonly server: string; readonly timeoutMs: number },
): LazyClient {
  let client: Promise<KubeClient> | undefined;
  const open = async (): Promise<KubeClient> => {
    const text = (await host.readFile(SUPER_ADMIN_KUBECONFIG))?.toString('utf8') ?? '';
    const { server, timeoutMs } = where();
    return new KubeClient({ ...credentialsFrom(text), server }, { timeoutMs });
  };
  return {
    get: () => {
      client ??= open();
      return client;
    },
    close: async () => (await client)?.close(),
  };
}
