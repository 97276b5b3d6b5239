import { ControlPlaneLock } from '../../kube/control-plane-lock.ts';
import type { Phase } from '../../phases/phase.ts';
import type { ControlPlaneJoinContext } from './context.ts';

/** One host at a time: each changes the members of etcd, which must agree on it. */
export const controlPlaneLock: Phase<ControlPlaneJoinContext> = {
  id: 'control-plane-lock',
  title: 'Wait until no other host joins the control plane',
  needs: ['kubeconfig', 'images'],
  async run({ host, held, others, here }, { signal, progress }) {
    if (host.dryRun) return;
    const { nodeName, advertiseAddress, timeouts } = here().settings;
    const options = { timeoutMs: 2 * timeouts.controlPlaneMs, signal, progress };
    held.lock = await ControlPlaneLock.acquire(await others(), `${nodeName} (${advertiseAddress})`, options);
  },
};
