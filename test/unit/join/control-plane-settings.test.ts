import { describe, expect, it } from 'vitest';
import { OFFICIAL_IMAGES } from '../../../src/config/image-names.ts';
import { joinSettings } from '../../../src/config/join-settings.ts';
import type { HostFacts } from '../../../src/config/node-settings.ts';
import { pkiSettings } from '../../../src/init/certs.ts';
import { controlPlaneSettings } from '../../../src/join/control-plane/settings.ts';

const FACTS: HostFacts = { hostname: 'h2', defaultAddress: '10.0.0.2' };
const flags = {
  endpoint: 'k8s.example.org:6443',
  token: 't',
  discoveryTokenUnsafeSkipCaVerification: true,
  controlPlane: true,
  nodeName: 'rack-2',
};

/** As kubeadm 1.36 keeps it, shortened. */
const CONFIGURATION = `
apiServer: { certSANs: [api.example.org] }
apiVersion: kubeadm.k8s.io/v1beta4
caCertificateValidityPeriod: 87600h0m0s
certificateValidityPeriod: 8760h0m0s
certificatesDir: /etc/kubernetes/pki
clusterName: mine
controlPlaneEndpoint: k8s.example.org:6443
controllerManager: {}
dns: {}
encryptionAlgorithm: RSA-2048
etcd: { local: { dataDir: /srv/etcd } }
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: v1.36.3
networking: { dnsDomain: cluster.local, podSubnet: 10.20.0.0/16, serviceSubnet: 10.30.0.0/16 }
proxy: {}
scheduler: {}
`;

const network = {
  backend: 'host-gw',
  vni: 7,
  port: 8472,
  exclusive: false,
  podCidrs: ['10.20.0.0/16'],
  serviceCidrs: ['10.30.0.0/16'],
} as const;

const cluster = {
  settings: joinSettings(flags, {}, FACTS),
  nodeIP: '10.0.0.2',
  server: 'https://k8s.example.org:6443',
  caPem: '',
  access: { server: '', caPem: '' },
  kubernetesVersion: 'v1.36.3',
  images: OFFICIAL_IMAGES,
  clusterConfiguration: CONFIGURATION,
  kubeletConfiguration: {},
  network,
};

describe('the settings of a control plane that joins', () => {
  it('are those of its cluster, with its own name and address', () => {
    const settings = controlPlaneSettings(cluster, {});
    expect(settings).toMatchObject({
      nodeName: 'rack-2',
      nodeIP: '10.0.0.2',
      advertiseAddress: '10.0.0.2',
      apiPort: 6443,
      clusterName: 'mine',
      keyAlgorithm: 'RSA-2048',
      etcd: { kind: 'local', dataDir: '/srv/etcd' },
      network: { backend: 'host-gw', vni: 7 },
    });
    expect(pkiSettings(settings)).toMatchObject({
      controlPlaneHost: 'k8s.example.org',
      certSANs: ['api.example.org'],
      serviceAddresses: ['10.30.0.1'],
      server: 'https://k8s.example.org:6443',
      localServer: 'https://10.0.0.2:6443',
    });
  });

  it('have the proxy of the host, past which the networks of the cluster are reached', () => {
    const { proxy } = controlPlaneSettings(cluster, { HTTPS_PROXY: 'http://proxy:3128' });
    expect(proxy.find(({ name }) => name === 'NO_PROXY')?.value).toContain('10.30.0.0/16');
  });
});
