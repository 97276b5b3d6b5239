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

/**
 * The cluster of this master, as its administrator, or that of a kubeconfig; undefined where there is no such file.
 * @param path of the kubeconfig
 */
export async function adminAccess(
  path = ADMIN_KUBECONFIG,
  options: ClientOptions = {},
): Promise<AdminAccess | undefined> {
  const text = await readKubeconfig(path);
  if (text === undefined) return undefined;
  const credentials = credentialsFrom(text);
  const { server, caPem } = credentials;
  return { client: new KubeClient(credentials, options), credentials, server, caPem };
}

/**
 * Works on the cluster of this master, or of a kubeconfig.
 * @param kubeconfig a file; that of this master's administrator when left out
 * @throws UserError (preflight) where this host is no master, (usage) where there is no such file
 */
export async function onMaster<T>(
  work: (access: AdminAccess) => Promise<T>,
  kubeconfig?: string,
): Promise<T> {
  const access = await adminAccess(kubeconfig);
  if (access === undefined) throw kubeconfig === undefined ? notAMaster() : noKubeconfig(kubeconfig);
  try {
    return await work(access);
  } finally {
    access.client.close();
  }
}

async function readKubeconfig(path: string): Promise<string | undefined> {
  try {
    return (await new LocalHost().readFile(path))?.toString('utf8');
  } catch (error) {
    if (hasCode(error, 'EACCES')) requireRoot();
    throw error;
  }
}

function noKubeconfig(path: string): UserError {
  return new UserError(`--kubeconfig ${path}: there is no such file`, {
    remedy: 'name the kubeconfig of an administrator of the cluster',
    exitCode: EXIT.usage,
  });
}

export function notAMaster(): UserError {
  return new UserError(`this host is not a master: there is no ${ADMIN_KUBECONFIG}`, {
    remedy: 'run this on the master, or run `kadm init` first',
    exitCode: EXIT.preflight,
  });
}
