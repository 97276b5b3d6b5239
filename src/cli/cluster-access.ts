import { EXIT, hasCode, UserError } from '../errors.ts';
import { LocalHost } from '../host/host.ts';
import { type ClientOptions, KubeClient } from '../kube/client.ts';
import { requireRoot } from '../node/preflight.ts';
import { type ApiCredentials, credentialsFrom, credentialsIn } from '../pki/kubeconfig.ts';
import { readNamed } from './options.ts';

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
  return text === undefined ? undefined : accessBy(credentialsFrom(text), options);
}

function accessBy(credentials: ApiCredentials, options: ClientOptions = {}): AdminAccess {
  const { server, caPem } = credentials;
  return { client: new KubeClient(credentials, options), credentials, server, caPem };
}

/**
 * Works on the cluster of this master, or of a kubeconfig.
 * @param kubeconfig a file; that of this master's administrator when left out
 * @throws UserError (preflight) where this host is no master, (usage) for a file that is no kubeconfig or cannot be read
 */
export async function onMaster<T>(
  work: (access: AdminAccess) => Promise<T>,
  kubeconfig?: string,
): Promise<T> {
  const access = kubeconfig === undefined ? await adminAccess() : await namedAccess(kubeconfig);
  if (access === undefined) throw notAMaster();
  try {
    return await work(access);
  } finally {
    access.client.close();
  }
}

async function namedAccess(kubeconfig: string): Promise<AdminAccess> {
  return accessBy(credentialsIn(kubeconfig, (await readNamed(kubeconfig)).text));
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
