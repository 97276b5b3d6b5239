import type { ControlPlaneContext } from '../../init/context.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { ControlPlaneLock } from '../../kube/control-plane-lock.ts';
import type { JoinContext } from '../context.ts';

/** What the phases share by which a host joins as a control plane. */
export interface ControlPlaneJoinContext extends JoinContext {
  /** What the phases of init are given; from discovery on. */
  readonly here: () => ControlPlaneContext;
  /** A client of the control planes that are there, with the rights of system:masters; once there are kubeconfigs. */
  readonly others: () => Promise<KubeClient>;
  /** Filled by the phase control-plane-lock; released once the host is a control plane, at the latest with the run. */
  readonly held: { lock?: ControlPlaneLock };
}
