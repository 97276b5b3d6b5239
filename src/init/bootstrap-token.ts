import rbac from '../../templates/objects/bootstrap.yaml';
import type { TokenOptions } from '../config/settings.ts';
import { renderManifest } from '../kube/manifest.ts';
import type { Phase, Step } from '../phases/phase.ts';
import { signedClusterInfo } from '../pki/jws.ts';
import { buildClusterInfo } from '../pki/kubeconfig.ts';
import { bootstrapTokenSecret, parseToken, tokenExpiry } from '../pki/token.ts';
import { applyAll } from './apply.ts';
import { type InitContext, joinCommand, serverUrl } from './context.ts';
import { waitForApiServer } from './wait-apiserver.ts';

/** The API server makes it itself, a moment after it answers; joining nodes cannot do without. */
const ROLE = 'system:node-bootstrapper';

/** Asking takes the API server's time, which it needs to make them. */
const ROLE_POLL_MS = 150;

async function untilRoleExists(context: InitContext, step: Step): Promise<void> {
  await waitForApiServer(
    context,
    step,
    async () => {
      const client = await context.api();
      const found = await client.find(`/apis/rbac.authorization.k8s.io/v1/clusterroles/${ROLE}`);
      return found === undefined ? 'it has not made the role of joining nodes yet' : undefined;
    },
    ROLE_POLL_MS,
  );
}

function secretOf(token: string, options: TokenOptions): object {
  const { usages, groups } = options;
  return bootstrapTokenSecret(parseToken(token), {
    ...(usages && { usages }),
    ...(groups && { groups }),
    expires: options.expires ?? tokenExpiry(options.ttlSeconds),
    description: options.description ?? 'made by kadm init',
  });
}

/** What joining nodes may do, the first join token, and cluster-info, by which they recognise the cluster. */
export const bootstrapToken: Phase<InitContext> = {
  id: 'bootstrap-token',
  title: 'Allow nodes to join: token, cluster-info, roles',
  needs: ['certs', 'wait-namespaces'],
  async run(context, step) {
    const ca = (await context.host.readFile('/etc/kubernetes/pki/ca.crt'))?.toString('utf8') ?? '';
    const token = parseToken(context.token);
    const kubeconfig = buildClusterInfo(serverUrl(context.settings), ca);
    const { tokenOptions, moreTokens } = context.settings;
    await applyAll(context, [
      ...renderManifest(rbac, {}),
      secretOf(context.token, tokenOptions),
      ...moreTokens.map((one) => secretOf(one.token, one)),
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'cluster-info', namespace: 'kube-public' },
        data: signedClusterInfo(kubeconfig, token),
      },
    ]);
    if (context.host.dryRun) return;
    await untilRoleExists(context, step);
    // Workers may join from now on; whoever waits with them need not wait for the end.
    context.joinable(joinCommand(context, ca));
  },
};
