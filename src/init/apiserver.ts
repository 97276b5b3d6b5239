import { bracketed } from '../config/family.ts';
import { changesOf } from '../node/context.ts';
import type { Phase } from '../phases/phase.ts';
import { type ControlPlaneContext, cidrList } from './context.ts';
import { etcdAccess } from './etcd-access.ts';
import { imageOf } from './images.ts';
import {
  extraArgument,
  HOST_CERTIFICATES,
  probeHost,
  readOnlyDirectory,
  type StaticPod,
  writeStaticPod,
} from './static-pod.ts';

export const PKI = '/etc/kubernetes/pki';

/** The API server; it starts beside etcd and keeps trying until etcd answers. */
export const apiserver: Phase<ControlPlaneContext> = {
  id: 'apiserver',
  title: 'Write the manifest of the API server',
  needs: ['etcd'],
  async run(context) {
    await writeStaticPod(changesOf(context, 'apiserver'), apiserverPod(context), context.patches);
  },
};

export function apiserverPod(context: ControlPlaneContext): StaticPod {
  const { settings } = context;
  const host = settings.advertiseAddress;
  const extra = settings.components.apiServer;
  const etcd = etcdAccess(settings);
  // A file of authorizers goes without the list of modes.
  const modes = extraArgument(extra, 'authorization-config') === undefined;
  return {
    name: 'kube-apiserver',
    image: imageOf(context, 'image-kube-apiserver'),
    annotations: {
      'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint': `${bracketed(host)}:${settings.apiPort}`,
    },
    args: {
      'advertise-address': host,
      'allow-privileged': 'true',
      ...(modes ? { 'authorization-mode': 'Node,RBAC' } : {}),
      'client-ca-file': `${PKI}/ca.crt`,
      'enable-admission-plugins': 'NodeRestriction',
      'enable-bootstrap-token-auth': 'true',
      ...etcd.args,
      'kubelet-certificate-authority': `${PKI}/ca.crt`,
      'kubelet-client-certificate': `${PKI}/apiserver-kubelet-client.crt`,
      'kubelet-client-key': `${PKI}/apiserver-kubelet-client.key`,
      'kubelet-preferred-address-types': 'InternalIP,ExternalIP,Hostname',
      profiling: 'false',
      'proxy-client-cert-file': `${PKI}/front-proxy-client.crt`,
      'proxy-client-key-file': `${PKI}/front-proxy-client.key`,
      'requestheader-allowed-names': 'front-proxy-client',
      'requestheader-client-ca-file': `${PKI}/front-proxy-ca.crt`,
      'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
      'requestheader-group-headers': 'X-Remote-Group',
      'requestheader-username-headers': 'X-Remote-User',
      'secure-port': String(settings.apiPort),
      'service-account-issuer': `https://kubernetes.default.svc.${settings.dnsDomain}`,
      'service-account-key-file': `${PKI}/sa.pub`,
      'service-account-signing-key-file': `${PKI}/sa.key`,
      'service-cluster-ip-range': cidrList(settings.serviceCidrs),
      'tls-cert-file': `${PKI}/apiserver.crt`,
      'tls-private-key-file': `${PKI}/apiserver.key`,
    },
    extra,
    env: settings.proxy,
    probe: {
      scheme: 'HTTPS',
      host: probeHost(host),
      port: settings.apiPort,
      startup: '/livez',
      liveness: '/livez',
      readiness: '/readyz',
    },
    startMs: settings.timeouts.controlPlaneMs,
    requests: { cpu: '250m' },
    mounts: [...HOST_CERTIFICATES, readOnlyDirectory('k8s-certs', PKI), ...etcd.mounts],
  };
}
