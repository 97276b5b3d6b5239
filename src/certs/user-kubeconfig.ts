import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { checkAuthority, readPrivateKey } from '../pki/check.ts';
import { kubeconfigAt } from '../pki/client-files.ts';
import { issueLeaf } from '../pki/issue.ts';
import { generateKeyPair, type KeyAlgorithm, privateKeyPem } from '../pki/keys.ts';
import { buildKubeconfig, clusterNameOf } from '../pki/kubeconfig.ts';
import { KUBERNETES_DIRECTORY, NO_NAMES, PKI_DIRECTORY } from '../pki/plan.ts';
import { algorithmOf } from '../pki/renew.ts';

const ADMIN_KUBECONFIG = `${KUBERNETES_DIRECTORY}/admin.conf`;
const CA = `${PKI_DIRECTORY}/ca`;

export interface User {
  readonly clientName: string;
  readonly organizations: readonly string[];
  readonly validitySeconds: number;
  /** In place of a certificate. */
  readonly token: string | undefined;
}

/** What the configuration says of the cluster, where it does. */
export interface ClusterFacts {
  readonly server: string | undefined;
  readonly clusterName: string | undefined;
  readonly keyAlgorithm: KeyAlgorithm | undefined;
}

/**
 * A kubeconfig for one more user of this cluster.
 * @throws UserError where this host is no control plane, or has not the authority's key
 */
export async function userKubeconfig(host: Host, user: User, facts: ClusterFacts): Promise<string> {
  const read = async (path: string): Promise<string | undefined> =>
    (await host.readFile(path))?.toString('utf8');
  const admin = await read(ADMIN_KUBECONFIG);
  if (admin === undefined) throw notHere(`there is no ${ADMIN_KUBECONFIG}`);
  const { server, caPem } = kubeconfigAt(ADMIN_KUBECONFIG, admin);
  const spec = {
    server: facts.server ?? server,
    caPem,
    clusterName: facts.clusterName ?? clusterNameOf(admin) ?? 'kubernetes',
    userName: user.clientName,
  };
  if (user.token !== undefined) return buildKubeconfig({ ...spec, token: user.token });
  const now = new Date();
  const [caCert, caKey] = [await read(`${CA}.crt`), await read(`${CA}.key`)];
  if (caCert === undefined || caKey === undefined) throw notHere(`there is no ${CA}.key to sign with`);
  checkAuthority(`${CA}.crt`, caCert, caKey, now);
  const signer = readPrivateKey(`${CA}.key`, caKey);
  const { privateKey } = await generateKeyPair(facts.keyAlgorithm ?? algorithmOf(signer));
  const request = {
    path: 'the kubeconfig',
    subject: { commonName: user.clientName, organizations: user.organizations },
    key: privateKey,
    usages: ['client'],
    names: NO_NAMES,
    validitySeconds: user.validitySeconds,
  } as const;
  const certPem = issueLeaf({ path: `${CA}.crt`, certPem: caCert, key: signer }, request, now);
  return buildKubeconfig({ ...spec, certPem, keyPem: privateKeyPem(privateKey) });
}

function notHere(what: string): UserError {
  return new UserError(`this host cannot make kubeconfigs: ${what}`, {
    remedy: 'run this on a control plane that has the key of its authority',
    exitCode: EXIT.preflight,
  });
}
