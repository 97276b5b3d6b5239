import { changesOf } from '../node/context.ts';
import { existingPki } from '../node/pki-files.ts';
import type { Phase } from '../phases/phase.ts';
import { KUBERNETES_DIRECTORY, PKI_DIRECTORY, planPki } from '../pki/pki.ts';
import { pkiSettings } from './certs.ts';
import type { ControlPlaneContext } from './context.ts';

const ROOT_KUBE = '/root/.kube';

/** Kubeconfigs of people, components and this node's agent; kubectl finds root's own without being told. */
export const kubeconfig: Phase<ControlPlaneContext> = {
  id: 'kubeconfig',
  title: 'Make the kubeconfigs',
  needs: ['certs'],
  async run(context) {
    const planned = await planPki(pkiSettings(context.settings), await existingPki(context.host), new Date());
    const files = planned.filter(({ path }) => !path.startsWith(PKI_DIRECTORY));
    await changesOf(context, 'kubeconfig').files(files);
    const admin = files.find(({ path }) => path === `${KUBERNETES_DIRECTORY}/admin.conf`);
    if (admin !== undefined) await forRoot(context, admin.content);
  },
};

/** Somebody's own configuration is not touched. */
async function forRoot(context: ControlPlaneContext, admin: string): Promise<void> {
  if ((await context.host.stat(`${ROOT_KUBE}/config`)) !== undefined) return;
  const changes = changesOf(context, 'kubeconfig');
  await changes.tree(ROOT_KUBE, 0o750);
  await changes.file(`${ROOT_KUBE}/config`, admin, 0o600);
}
