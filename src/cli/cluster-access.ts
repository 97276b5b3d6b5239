import { EXIT, hasCode, UserError } from '../errors.ts';
import { LocalHost } from '../host/host.ts';
import { type ClientOptions, KubeClient } from '../kube/client.ts';
import { requireRoot } from '../node/preflight.ts';
import { type ApiCredentials, credentialsFrom } from '../pki/kubeconfig.ts';

const ADMIN_KUBECONFIG = '/etc/kubernetes/admin.conf';

export interface AdminAccess {
  readonly client: KubeClient;
  readonly credentials: ApiCredentials;
  readonly server: string;
  readonly caPem: string;
}

/** The cluster of this master, as its administrator; undefined where this host is no master. */
export async function adminAccess(options: ClientOptions = {}): Promise<AdminAccess | undefined> {
  const text = await readKubeconfig();
  if (text === undefined) return undefined;
  const credentials = credentialsFrom(text);
  const { server, caPem } = credentials;
  return { client: new KubeClient(credentials, options), credentials, server, caPem };
}

/** Works on the cluster of this master. @throws UserError (preflight) where this host is no master */
export async function onMaster<T>(work: (access: AdminAccess) => Promise<T>): Promise<T> {
  const access = await adminAccess();
  if (access === undefined) throw notAMaster();
  try {
    return await work(access);
  } finally {
    access.client.close();
  }
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
