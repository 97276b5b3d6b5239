import { apiserver } from '../../init/apiserver.ts';
import { certs } from '../../init/certs.ts';
import type { ControlPlaneContext } from '../../init/context.ts';
import { controllerManager } from '../../init/controller-manager.ts';
import { kubeconfig } from '../../init/kubeconfig.ts';
import { kubeletFinalize } from '../../init/kubelet-finalize.ts';
import { markControlPlane } from '../../init/mark-control-plane.ts';
import { network } from '../../init/network.ts';
import { scheduler } from '../../init/scheduler.ts';
import { waitApiserver } from '../../init/wait-apiserver.ts';
import { waitControlPlane } from '../../init/wait-control-plane.ts';
import type { Phase } from '../../phases/phase.ts';
import type { PhaseNames } from '../../phases/select.ts';
import { kubeletStart } from '../kubelet-start.ts';
import { NO_NETWORK } from '../network.ts';
import { checkControlPlane } from './check-control-plane.ts';
import type { ControlPlaneJoinContext } from './context.ts';
import { controlPlaneLock } from './control-plane-lock.ts';
import { downloadCerts, requireShared } from './download-certs.ts';
import { etcd, etcdJoin } from './etcd.ts';
import { waitNodeReady } from './wait-node-ready.ts';

/** A phase of init, which makes of this host what it makes of the first control plane. */
function ofInit(phase: Phase<ControlPlaneContext>, needs: readonly string[]): Phase<ControlPlaneJoinContext> {
  const { id, title, parts = [] } = phase;
  return { id, title, needs, parts, run: (context, step) => phase.run(context.here(), step) };
}

/** What all control planes share comes from the others: a host that joins makes no authority of its own. */
const ownCerts: Phase<ControlPlaneJoinContext> = {
  ...ofInit(certs, ['download-certs']),
  async run(context, step) {
    await requireShared(context);
    await certs.run(context.here(), step);
  },
};

/** The agent, where the cluster has a network of kadm's. */
const agent: Phase<ControlPlaneJoinContext> = {
  ...ofInit(network, ['wait-apiserver', 'other-components']),
  async run(context, step) {
    if (context.cluster.get().network === undefined) return step.warn(NO_NETWORK);
    await network.run(context.here(), step);
  },
};

/** From here on the next one may join: what is left concerns this host alone. */
const mark: Phase<ControlPlaneJoinContext> = {
  ...ofInit(markControlPlane, ['wait-control-plane']),
  async run(context, step) {
    await markControlPlane.run(context.here(), step);
    await context.held.lock?.release(step.warn);
    delete context.held.lock;
  },
};

/** What makes a host that has runtime and images, and knows its cluster, one more control plane of it. */
export const controlPlanePhases: readonly Phase<ControlPlaneJoinContext>[] = [
  checkControlPlane,
  downloadCerts,
  ownCerts,
  ofInit(kubeconfig, ['certs']),
  controlPlaneLock,
  etcd,
  { ...kubeletStart, needs: ['etcd', 'other-images'] },
  etcdJoin,
  ofInit(apiserver, ['etcd-join']),
  ofInit(waitApiserver, ['apiserver']),
  ofInit(controllerManager, ['wait-apiserver', 'other-images']),
  ofInit(scheduler, ['wait-apiserver', 'other-images']),
  ofInit(waitControlPlane, ['controller-manager', 'scheduler']),
  agent,
  mark,
  ofInit(kubeletFinalize, ['mark-control-plane']),
  waitNodeReady,
];

const MANIFESTS = ['apiserver', 'controller-manager', 'scheduler'];

/** kubeadm's names for what are several phases here. */
export const CONTROL_PLANE_NAMES: PhaseNames = {
  'control-plane-prepare': ['download-certs', 'certs', 'kubeconfig', ...MANIFESTS],
  'control-plane-prepare control-plane': MANIFESTS,
  'control-plane-join': ['mark-control-plane'],
};
