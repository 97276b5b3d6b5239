import { components, otherComponents } from '../node/components.ts';
import { containerRuntime } from '../node/container-runtime.ts';
import type { NodeContext } from '../node/context.ts';
import { images, otherImages } from '../node/images.ts';
import { prepareHost } from '../node/prepare-host.ts';
import type { Phase } from '../phases/phase.ts';
import type { PhaseNames } from '../phases/select.ts';
import { addonCoredns } from './addon-coredns.ts';
import { addonKubeProxy } from './addon-kube-proxy.ts';
import { apiserver } from './apiserver.ts';
import { bootstrapToken } from './bootstrap-token.ts';
import { certs } from './certs.ts';
import type { InitContext } from './context.ts';
import { controllerManager } from './controller-manager.ts';
import { controllerManagerLease } from './controller-manager-lease.ts';
import { etcd } from './etcd.ts';
import { kubeconfig } from './kubeconfig.ts';
import { kubeletFinalize } from './kubelet-finalize.ts';
import { kubeletStart } from './kubelet-start.ts';
import { markControlPlane } from './mark-control-plane.ts';
import { addonAgents, network } from './network.ts';
import { preflight } from './preflight.ts';
import { scheduler } from './scheduler.ts';
import { uploadCerts } from './upload-certs.ts';
import { uploadConfig } from './upload-config.ts';
import { waitApiserver, waitEtcd, waitNamespaces } from './wait-apiserver.ts';
import { waitControlPlane } from './wait-control-plane.ts';

/** What the control plane can start without comes while it starts. */
function afterKubelet(phase: Phase<NodeContext>): Phase<InitContext> {
  return { ...phase, needs: [...phase.needs, 'kubelet-start'] };
}

/** What `kadm init` does, in reading order; each phase starts as soon as those that it needs have finished. */
export const initPhases: readonly Phase<InitContext>[] = [
  preflight,
  prepareHost,
  components,
  certs,
  kubeconfig,
  containerRuntime,
  images,
  otherImages,
  etcd,
  apiserver,
  kubeletStart,
  afterKubelet(otherComponents),
  waitEtcd,
  scheduler,
  waitApiserver,
  waitNamespaces,
  controllerManager,
  controllerManagerLease,
  uploadConfig,
  uploadCerts,
  bootstrapToken,
  addonCoredns,
  addonKubeProxy,
  addonAgents,
  waitControlPlane,
  network,
  markControlPlane,
  kubeletFinalize,
];

/** Names that kubeadm has for phases which are several here, or called otherwise. */
export const INIT_NAMES: PhaseNames = {
  'control-plane': ['apiserver', 'controller-manager', 'scheduler'],
  addon: ['addon-coredns', 'addon-kube-proxy'],
  'etcd local': ['etcd'],
  'kubelet-finalize enable-client-cert-rotation': ['kubelet-finalize'],
};
