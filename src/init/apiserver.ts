import { imageName } from '../components/catalog.ts';
import { changesOf } from '../node/context.ts';
import type { Phase } from '../phases/phase.ts';
import { cidrList, type InitContext } from './context.ts';
import { HOST_CERTIFICATES, readOnlyDirectory, type StaticPod, writeStaticPod } from './static-pod.ts';

export const PKI = '/etc/kubernetes/pki';

/** The API server; it starts beside etcd and keeps trying until etcd answers. */
export const apiserver: Phase<InitContext> = {
  id: 'apiserver',
  title: 'Write the manifest of the API server',
  needs: ['etcd'],
  async run(context) {
    await writeStaticPod(changesOf(context, 'apiserver'), apiserverPod(context));
  },
};

export function apiserverPod({ settings, release }: InitContext): StaticPod {
  const host = settings.advertiseAddress;
  return {
    name: 'kube-apiserver',
    image: imageName('image-kube-apiserver', release()),
    annotations: {
      'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint': `${host}:${settings.apiPort}`,
    },
    args: {
      'advertise-address': host,
      'allow-privileged': 'true',
      'authorization-mode': 'Node,RBAC',
      'client-ca-file': `${PKI}/ca.crt`,
      'enable-admission-plugins': 'NodeRestriction',
      'enable-bootstrap-token-auth': 'true',
      'etcd-cafile': `${PKI}/etcd/ca.crt`,
      'etcd-certfile': `${PKI}/apiserver-etcd-client.crt`,
      'etcd-keyfile': `${PKI}/apiserver-etcd-client.key`,
      'etcd-servers': 'https://127.0.0.1:2379',
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
    extraArgs: settings.extraArgs.apiServer,
    probe: {
      scheme: 'HTTPS',
      host,
      port: settings.apiPort,
      startup: '/livez',
      liveness: '/livez',
      readiness: '/readyz',
    },
    requests: { cpu: '250m' },
    mounts: [...HOST_CERTIFICATES, readOnlyDirectory('k8s-certs', PKI)],
  };
}
