import { describe, expect, it } from 'vitest';
import { parseConfiguration, parseDocuments } from '../../../src/config/documents.ts';
import { UserError } from '../../../src/errors.ts';

function problemsOf(text: string): string {
  try {
    parseDocuments(text, 'cluster.yaml');
  } catch (error) {
    if (error instanceof UserError) return `${error.exitCode} ${error.message}`;
  }
  return 'valid';
}

describe('parseDocuments', () => {
  it('reads documents of several kinds', () => {
    const documents = parseDocuments(
      `apiVersion: kadm.io/v1
kind: Cluster
spec:
  network: { vni: 7 }
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking: { podSubnet: 10.10.0.0/16 }
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 50
`,
      'cluster.yaml',
    );
    expect(documents.Cluster?.spec.network?.vni).toBe(7);
    expect(documents.ClusterConfiguration?.networking?.podSubnet).toBe('10.10.0.0/16');
    expect(documents.KubeletConfiguration).toMatchObject({ maxPods: 50 });
  });

  it('is content with nothing', () => {
    expect(parseDocuments('', 'cluster.yaml')).toEqual({});
  });

  it('names every problem with its line and path', () => {
    const text = problemsOf(`apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking:
  podSubnet: 10.10.0.0/99
  typo: 1
---
apiVersion: kadm.io/v1
kind: Cluster
spec: { network: { vni: 0 } }
`);
    expect(text).toMatch(/^2 /);
    expect(text).toContain('cluster.yaml:4: ClusterConfiguration.networking.podSubnet');
    expect(text).toContain('typo');
    expect(text).toContain('cluster.yaml:9: Cluster.spec.network.vni');
  });

  it('refuses a kind that it does not know, one that is there twice, and broken YAML', () => {
    expect(problemsOf('kind: Deployment\n')).toContain('cluster.yaml:1: kind is not one of');
    const cluster = 'apiVersion: kadm.io/v1\nkind: Cluster\nspec: {}\n';
    expect(problemsOf(`${cluster}---\n${cluster}`)).toContain('cluster.yaml:5: a second Cluster');
    expect(problemsOf('a: [1')).toContain('cluster.yaml:');
  });

  it('says which name was probably meant, of fields, kinds and values', () => {
    const text = problemsOf(`apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer:
  certSANS: [a]
  extraVolumes:
    - name: v
      hostPth: /a
      mountPath: /b
networking: { podSubnets: 10.0.0.0/8 }
encryptionAlgorithm: ECDSA-P265
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPod: 4
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfigurations
`);
    for (const line of [
      'cluster.yaml:4: ClusterConfiguration.apiServer.certSANS: there is no such field; did you mean certSANs?',
      'cluster.yaml:7: ClusterConfiguration.apiServer.extraVolumes[0].hostPth: there is no such field; did you mean hostPath?',
      'cluster.yaml:9: ClusterConfiguration.networking.podSubnets: there is no such field; did you mean podSubnet?',
      'did you mean ECDSA-P256?',
      'cluster.yaml:14: KubeletConfiguration.maxPod: there is no such field; did you mean maxPods?',
      'did you mean InitConfiguration?',
    ])
      expect(text).toContain(line);
  });

  it('names what kubeadm acts on and kadm does not', () => {
    const text = problemsOf(`apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
featureGates: { RootlessControlPlane: true }
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
caCertPath: /elsewhere/ca.crt
discovery: { file: { kubeConfigPath: https://a } }
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
certificateKey: s3cret
nodeRegistration: { criSocket: unix:///run/crio/crio.sock }
timeouts: { etcdAPICall: 1m }
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ResetConfiguration
unmountFlags: [MNT_DETACH]
`);
    for (const field of [
      'cluster.yaml:3: ClusterConfiguration.featureGates.RootlessControlPlane: kadm does not act on this',
      'cluster.yaml:7: JoinConfiguration.caCertPath: kadm does not act on other values',
      'cluster.yaml:8: JoinConfiguration.discovery.file.kubeConfigPath: kadm reads a file of this host',
      'cluster.yaml:12: InitConfiguration.certificateKey: is not a certificate key: 64 hexadecimal digits',
      'cluster.yaml:13: InitConfiguration.nodeRegistration.criSocket: kadm installs containerd',
      'cluster.yaml:14: InitConfiguration.timeouts.etcdAPICall: kadm does not act on other values than 2m0s',
      'cluster.yaml:18: ResetConfiguration.unmountFlags: kadm does not act on this',
    ])
      expect(text).toContain(field);
    expect(text).not.toContain('s3cret');
  });

  it('takes what `kubeadm config print init-defaults` prints', () => {
    expect(
      problemsOf(`apiVersion: kubeadm.k8s.io/v1beta4
bootstrapTokens:
- groups:
  - system:bootstrappers:kubeadm:default-node-token
  token: abcdef.0123456789abcdef
  ttl: 24h0m0s
  usages:
  - signing
  - authentication
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: 1.2.3.4
  bindPort: 6443
nodeRegistration:
  criSocket: unix:///var/run/containerd/containerd.sock
  imagePullPolicy: IfNotPresent
  imagePullSerial: true
  name: node
  taints: null
timeouts:
  controlPlaneComponentHealthCheck: 4m0s
  discovery: 5m0s
  etcdAPICall: 2m0s
  kubeletHealthCheck: 4m0s
  kubernetesAPICall: 1m0s
  tlsBootstrap: 5m0s
  upgradeManifests: 5m0s
---
apiServer: {}
apiVersion: kubeadm.k8s.io/v1beta4
caCertificateValidityPeriod: 87600h0m0s
certificateValidityPeriod: 8760h0m0s
certificatesDir: /etc/kubernetes/pki
clusterName: kubernetes
controllerManager: {}
dns: {}
encryptionAlgorithm: RSA-2048
etcd:
  local:
    dataDir: /var/lib/etcd
imageRepository: registry.k8s.io
kind: ClusterConfiguration
kubernetesVersion: 1.36.0
networking:
  dnsDomain: cluster.local
  serviceSubnet: 10.96.0.0/12
proxy: {}
scheduler: {}
`),
    ).toBe('valid');
  });

  it('points from an older form to the way to a new one', () => {
    expect(problemsOf('apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n')).toContain(
      'kadm config migrate',
    );
  });

  it('knows where each field is', () => {
    const text =
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking:\n  podSubnet: 10.10.0.0/16\n';
    const { where } = parseConfiguration(text, 'cluster.yaml');
    expect(where('ClusterConfiguration', 'networking', 'podSubnet')).toBe('cluster.yaml:4');
    expect(where('ClusterConfiguration', 'networking', 'dnsDomain')).toBeUndefined();
    expect(where('InitConfiguration')).toBeUndefined();
  });

  it('does not echo a value, which may be a secret', () => {
    const text = problemsOf(`apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery: { bootstrapToken: { apiServerEndpoint: "a b", token: [abcdef.0123456789abcdef] } }
`);
    expect(text).toContain('JoinConfiguration.discovery.bootstrapToken.token');
    expect(text).not.toContain('0123456789abcdef');
  });
});
