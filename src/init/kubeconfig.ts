import { changesOf } from '../node/context.ts';
import type { Changes } from '../phases/changes.ts';
import type { Phase } from '../phases/phase.ts';
import { KUBERNETES_DIRECTORY } from '../pki/pki.ts';
import { KUBECONFIG_PARTS } from '../pki/table.ts';
import { makePki } from './certs.ts';
import type { ControlPlaneContext } from './context.ts';

const ROOT_KUBE = '/root/.kube';

/** Kubeconfigs of people, components and this node's agent; kubectl finds root's own without being told. */
export const kubeconfig: Phase<ControlPlaneContext> = {
  id: 'kubeconfig',
  title: 'Make the kubeconfigs',
  needs: ['certs'],
  parts: KUBECONFIG_PARTS,
  async run(context, step) {
    const changes = changesOf(context, 'kubeconfig');
    const made = await makePki(context, changes, step.parts);
    const admin = made.find(({ path }) => path === `${KUBERNETES_DIRECTORY}/admin.conf`);
    if (admin !== undefined) await forRoot(changes, admin.content);
  },
};

/** Somebody's own configuration is not touched. */
async function forRoot(changes: Changes, admin: string): Promise<void> {
  if ((await changes.host.stat(`${ROOT_KUBE}/config`)) !== undefined) return;
  await changes.tree(ROOT_KUBE, 0o750);
  await changes.file(`${ROOT_KUBE}/config`, admin, 0o600);
}
