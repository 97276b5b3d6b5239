import rbac from '../../templates/objects/bootstrap.yaml';
import { renderManifest } from '../kube/manifest.ts';
import type { Phase } from '../phases/phase.ts';
import { signedClusterInfo } from '../pki/jws.ts';
import { buildClusterInfo } from '../pki/kubeconfig.ts';
import { bootstrapTokenSecret, parseToken, tokenExpiry } from '../pki/token.ts';
import { applyAll } from './apply.ts';
import { type InitContext, serverUrl } from './context.ts';

/** What joining nodes may do, the first join token, and cluster-info, by which they recognise the cluster. */
export const bootstrapToken: Phase<InitContext> = {
  id: 'bootstrap-token',
  title: 'Allow nodes to join: token, cluster-info, roles',
  needs: ['wait-apiserver', 'certs'],
  async run(context, step) {
    const ca = (await context.host.readFile('/etc/kubernetes/pki/ca.crt'))?.toString('utf8') ?? '';
    const token = parseToken(context.token);
    const kubeconfig = buildClusterInfo(serverUrl(context.settings), ca);
    const expires = tokenExpiry(context.settings.tokenTtlSeconds);
    await applyAll(context, step, [
      ...renderManifest(rbac, {}),
      bootstrapTokenSecret(token, { expires, description: 'made by kadm init' }),
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'cluster-info', namespace: 'kube-public' },
        data: signedClusterInfo(kubeconfig, token),
      },
    ]);
  },
};
