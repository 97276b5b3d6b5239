import { changesOf } from '../node/context.ts';
import { existingPki } from '../node/pki-files.ts';
import type { Phase } from '../phases/phase.ts';
import { isExternal } from '../pki/external.ts';
import { PKI } from './apiserver.ts';
import { type ControlPlaneContext, cidrList } from './context.ts';
import { imageOf } from './images.ts';
import {
  extraArgument,
  HOST_CERTIFICATES,
  probeHost,
  readOnlyDirectory,
  type StaticPod,
  writeStaticPod,
} from './static-pod.ts';

const KUBECONFIG = '/etc/kubernetes/controller-manager.conf';

/** Starts once the API server answers: until then it would only take processor time from it. */
export const controllerManager: Phase<ControlPlaneContext> = {
  id: 'controller-manager',
  title: 'Write the manifest of the controller manager',
  needs: ['wait-apiserver', 'other-images'],
  async run(context) {
    const external = isExternal(await existingPki(context.host), 'ca');
    const pod = controllerManagerPod(context, external);
    await writeStaticPod(changesOf(context, 'controller-manager'), pod, context.patches);
  },
};

/** @param externalCa the key of the authority is not here: the controllers that sign with it do not start, as with kubeadm */
export function controllerManagerPod(context: ControlPlaneContext, externalCa = false): StaticPod {
  const { settings } = context;
  const extra = settings.components.controllerManager;
  return {
    name: 'kube-controller-manager',
    image: imageOf(context, 'image-kube-controller-manager'),
    args: {
      'allocate-node-cidrs': 'true',
      'authentication-kubeconfig': KUBECONFIG,
      'authorization-kubeconfig': KUBECONFIG,
      'bind-address': '127.0.0.1',
      'client-ca-file': `${PKI}/ca.crt`,
      'cluster-cidr': cidrList(settings.podCidrs),
      'cluster-name': settings.clusterName,
      'cluster-signing-cert-file': externalCa ? '' : `${PKI}/ca.crt`,
      'cluster-signing-key-file': externalCa ? '' : `${PKI}/ca.key`,
      controllers: '*,bootstrapsigner,tokencleaner',
      // Each of its some 40 controllers begins with requests of its own; at the default rate of 20 a second no
      // certificate is signed for the first 5 s, and no node can join.
      'kube-api-burst': '200',
      'kube-api-qps': '100',
      kubeconfig: KUBECONFIG,
      'leader-elect': 'true',
      profiling: 'false',
      'requestheader-client-ca-file': `${PKI}/front-proxy-ca.crt`,
      'root-ca-file': `${PKI}/ca.crt`,
      'service-account-private-key-file': `${PKI}/sa.key`,
      'service-cluster-ip-range': cidrList(settings.serviceCidrs),
      'use-service-account-credentials': 'true',
    },
    extra,
    env: settings.proxy,
    probe: {
      scheme: 'HTTPS',
      host: probeHost(extraArgument(extra, 'bind-address') ?? '127.0.0.1'),
      port: 10257,
      startup: '/healthz',
      liveness: '/healthz',
    },
    startMs: settings.timeouts.controlPlaneMs,
    requests: { cpu: '200m' },
    mounts: [
      ...HOST_CERTIFICATES,
      readOnlyDirectory('k8s-certs', PKI),
      { name: 'kubeconfig', path: KUBECONFIG, type: 'FileOrCreate', readOnly: true },
    ],
  };
}
