import { EXIT, hasCode, UserError } from '../errors.ts';
import { LocalHost } from '../host/host.ts';
import { KubeClient } from '../kube/client.ts';
import { requireRoot } from '../node/preflight.ts';
import { credentialsFrom } from '../pki/kubeconfig.ts';

const ADMIN_KUBECONFIG = '/etc/kubernetes/admin.conf';

/** The cluster of this master, as its administrator; undefined where this host is no master. */
export async function adminAccess(): Promise<
  { client: KubeClient; server: string; caPem: string } | undefined
> {
  const text = await readKubeconfig();
  if (text === undefined) return undefined;
  const credentials = credentialsFrom(text);
  return { client: new KubeClient(credentials), server: credentials.server, caPem: credentials.caPem };
}

async function readKubeconfig(): Promise<string | undefined> {
  try {
    return (await new LocalHost().readFile(ADMIN_KUBECONFIG))?.toString('utf8');
  } catch (error) {
    if (hasCode(error, 'EACCES')) requireRoot();
    throw error;
  }
}

export function notAMaster(): UserError {
  return new UserError(`this host is not a master: there is no ${ADMIN_KUBECONFIG}`, {
    remedy: 'run this on the master, or run `kadm init` first',
    exitCode: EXIT.preflight,
  });
}
