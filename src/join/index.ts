import { components, otherComponents } from '../node/components.ts';
import { containerRuntime } from '../node/container-runtime.ts';
import { images, otherImages } from '../node/images.ts';
import { prepareHost } from '../node/prepare-host.ts';
import type { Phase } from '../phases/phase.ts';
import type { PhaseNames } from '../phases/select.ts';
import type { JoinContext } from './context.ts';
import type { ControlPlaneJoinContext } from './control-plane/context.ts';
import { CONTROL_PLANE_NAMES, controlPlanePhases } from './control-plane/index.ts';
import { discovery } from './discovery.ts';
import { kubeletStart } from './kubelet-start.ts';
import { network } from './network.ts';
import { checkHost, preflight } from './preflight.ts';
import { tlsBootstrap } from './tls-bootstrap.ts';
import { waitNodeReady } from './wait-node-ready.ts';

/** Nothing is changed before the cluster has been verified. */
const afterDiscovery = (phase: Phase<JoinContext>): Phase<JoinContext> => ({
  ...phase,
  needs: [...phase.needs.filter((id) => id !== 'preflight'), 'discovery'],
});

/** How a host that knows its cluster becomes ready to be part of it. */
const knowing: readonly Phase<JoinContext>[] = [
  preflight,
  discovery,
  afterDiscovery(prepareHost),
  afterDiscovery(components),
  containerRuntime,
  otherComponents,
  images,
  otherImages,
];

/**
 * The same for a host that is told later which cluster it will join: what takes long is done by then. Whoever
 * runs it answers for the cluster, which is still verified before the host becomes part of it.
 */
const prepared: readonly Phase<JoinContext>[] = [
  checkHost,
  prepareHost,
  components,
  containerRuntime,
  otherComponents,
  images,
  otherImages,
  discovery,
];

/** How it then becomes a worker. */
const workerPhases: readonly Phase<JoinContext>[] = [tlsBootstrap, kubeletStart, network, waitNodeReady];

/** What `kadm join` does, in reading order; each phase starts as soon as those that it needs have finished. */
export const joinPhases = [...knowing, ...workerPhases];
export const preparedJoinPhases = [...prepared, ...workerPhases];

/** The same for a host that joins as a control plane. */
export const controlPlaneJoinPhases: readonly Phase<ControlPlaneJoinContext>[] = [
  ...knowing,
  ...controlPlanePhases,
];
export const preparedControlPlaneJoinPhases: readonly Phase<ControlPlaneJoinContext>[] = [
  ...prepared,
  ...controlPlanePhases,
];

/** What kubeadm calls the wait for the kubelet to become part of the cluster. */
export const JOIN_NAMES: PhaseNames = { 'kubelet-wait-bootstrap': ['wait-node-ready'] };
export const CONTROL_PLANE_JOIN_NAMES: PhaseNames = { ...JOIN_NAMES, ...CONTROL_PLANE_NAMES };

/** These can run alone without a cluster; all others go by what discovery learns, which then comes first. */
export const BEFORE_DISCOVERY: readonly string[] = ['preflight', 'prepare-host'];
