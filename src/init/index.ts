import { components } from '../node/components.ts';
import { containerRuntime } from '../node/container-runtime.ts';
import { images, otherImages } from '../node/images.ts';
import { prepareHost } from '../node/prepare-host.ts';
import type { Phase } from '../phases/phase.ts';
import { addonCoredns } from './addon-coredns.ts';
import { addonKubeProxy } from './addon-kube-proxy.ts';
import { apiserver } from './apiserver.ts';
import { bootstrapToken } from './bootstrap-token.ts';
import { certs } from './certs.ts';
import type { InitContext } from './context.ts';
import { controllerManager } from './controller-manager.ts';
import { etcd } from './etcd.ts';
import { kubeconfig } from './kubeconfig.ts';
import { kubeletFinalize } from './kubelet-finalize.ts';
import { kubeletStart } from './kubelet-start.ts';
import { markControlPlane } from './mark-control-plane.ts';
import { network } from './network.ts';
import { preflight } from './preflight.ts';
import { scheduler } from './scheduler.ts';
import { uploadConfig } from './upload-config.ts';
import { waitApiserver, waitNamespaces } from './wait-apiserver.ts';
import { waitControlPlane } from './wait-control-plane.ts';

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
  waitApiserver,
  waitNamespaces,
  controllerManager,
  scheduler,
  uploadConfig,
  bootstrapToken,
  addonCoredns,
  addonKubeProxy,
  network,
  waitControlPlane,
  markControlPlane,
  kubeletFinalize,
];
