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

  it('refuses addresses, ports and networks with which no cluster can work', () => {
    const endpoint = 'localAPIEndpoint: { advertiseAddress: 127.0.0.1, bindPort: 10250 }';
    const kubeadm = 'apiVersion: kubeadm.k8s.io/v1beta4';
    const text = problemsOf(`${kubeadm}
kind: InitConfiguration
${endpoint}
---
${kubeadm}
kind: JoinConfiguration
controlPlane: { ${endpoint.replace('127.0.0.1', '"::"')} }
---
${kubeadm}
kind: ClusterConfiguration
networking: { podSubnet: 127.0.0.0/16, serviceSubnet: 10.96.0.0/29 }
---
apiVersion: kadm.io/v1
kind: Cluster
spec: { hosts: [{ address: a, nodeIP: 169.254.0.7 }] }
`);
    for (const line of [
      'cluster.yaml:3: InitConfiguration.localAPIEndpoint.advertiseAddress: is a loopback address, which other hosts cannot reach',
      'cluster.yaml:3: InitConfiguration.localAPIEndpoint.bindPort: 10250 is the port of the kubelet: choose another',
      'cluster.yaml:7: JoinConfiguration.controlPlane.localAPIEndpoint.advertiseAddress: is an unspecified address',
      'cluster.yaml:7: JoinConfiguration.controlPlane.localAPIEndpoint.bindPort: 10250 is the port of the kubelet',
      'cluster.yaml:11: ClusterConfiguration.networking.podSubnet: 127.0.0.0/16 has loopback addresses',
      'cluster.yaml:11: ClusterConfiguration.networking.serviceSubnet: 10.96.0.0/29 is too small for Services, of which the cluster’s DNS is the tenth: the prefix is at most 28',
      'cluster.yaml:15: Cluster.spec.hosts[0].nodeIP: is a link-local address',
    ])
      expect(text).toContain(line);
  });

  it('refuses a kind that it does not know, one that is there twice, and broken YAML', () => {
    expect(problemsOf('kind: Deployment\n')).toContain('cluster.yaml:1: kind is not one of');
    const cluster = 'apiVersion: kadm.io/v1\nkind: Cluster\nspec: {}\n';
    expect(problemsOf(`${cluster}---\n${cluster}`)).toContain('cluster.yaml:5: a second Cluster');
    expect(problemsOf('a: [1')).toContain('cluster.yaml:');
  });

  it('tells of problems in the order of their lines, in words of its own', () => {
    expect(
      problemsOf(`apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
encryptionAlgorithm: RSA-1024
apiServer:
  extraArgs: [{ name: v, value: 3 }, { name: w }]
networking: a
dns: { disabled: yes }
scheduler: { extraArgs: { v: "3" } }
controllerManager: { extraArgs: 3 }
clusterName: ""
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
ignorePreflightErrors: [Swap]
localAPIEndpoint: { bindPort: 70000 }
---
apiVersion: kadm.io/v1
kind: Cluster
spec: { components: { source: { kind: mirror } }, hosts: [{ address: a, labels: { "a b": c }, port: 1.5 }] }
`).split('\n'),
    ).toEqual([
      '2 the configuration is not valid:',
      '  cluster.yaml:3: ClusterConfiguration.encryptionAlgorithm: is not one of ECDSA-P256, ECDSA-P384, RSA-2048, RSA-3072, RSA-4096',
      '  cluster.yaml:5: ClusterConfiguration.apiServer.extraArgs[0].value: is a number: write it in quotes',
      '  cluster.yaml:5: ClusterConfiguration.apiServer.extraArgs[1].value: is missing',
      '  cluster.yaml:6: ClusterConfiguration.networking: is a text, and has to be a mapping of fields',
      '  cluster.yaml:7: ClusterConfiguration.dns.disabled: is a text, and has to be true or false',
      expect.stringMatching(/^ {2}cluster.yaml:8: .*scheduler.extraArgs: has to be a list of name and value/),
      '  cluster.yaml:9: ClusterConfiguration.controllerManager.extraArgs: is not a list',
      '  cluster.yaml:10: ClusterConfiguration.clusterName: is empty',
      '  cluster.yaml:14: InitConfiguration.ignorePreflightErrors: there is no such field; it is called nodeRegistration.ignorePreflightErrors',
      '  cluster.yaml:15: InitConfiguration.localAPIEndpoint.bindPort: is larger than 65535',
      '  cluster.yaml:19: Cluster.spec.components.source.kind: is not one of store, http',
      '  cluster.yaml:19: Cluster.spec.hosts[0].port: is not a whole number',
      '  cluster.yaml:19: Cluster.spec.hosts[0].labels.a b: is not a label name',
    ]);
  });

  it('looks into the configurations of components, which pass over what they do not know', () => {
    const text = problemsOf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: { anonymous: { enable: true } }
evictionHard: { memory.available: 100 }
featureGates: { Any: true, Other: "true" }
logging: { options: { json: { infoBuferSize: 1 } }, verbosity: 3 }
reservedMemory: [{ numaNode: 0, limits: { memory: 1100Mi } }, { numaNod: 0 }]
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
iptables: { masqueradeall: true }
conntrack: { maxPerCore: 0, tcpBeLiberal: true }
`);
    for (const line of [
      'cluster.yaml:3: KubeletConfiguration.authentication.anonymous.enable: there is no such field; did you mean enabled?',
      'cluster.yaml:4: KubeletConfiguration.evictionHard.memory.available: is a number: write it in quotes',
      'cluster.yaml:5: KubeletConfiguration.featureGates.Other: is a text, and has to be true or false',
      'cluster.yaml:6: KubeletConfiguration.logging.options.json.infoBuferSize: there is no such field; did you mean infoBufferSize?',
      'cluster.yaml:7: KubeletConfiguration.reservedMemory[1].numaNod: there is no such field; did you mean numaNode?',
      'cluster.yaml:11: KubeProxyConfiguration.iptables.masqueradeall: there is no such field; did you mean masqueradeAll?',
    ])
      expect(text).toContain(line);
    expect(text.split('\n')).toHaveLength(7);
  });

  it('refuses what kadm goes by itself, and what the components would end with', () => {
    const kubelet = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration';
    const proxy = (mode: string): string =>
      `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ${mode}\n`;
    const text = problemsOf(`${kubelet}
staticPodPath: /tmp/x
containerRuntimeEndpoint: unix:///run/crio/crio.sock
---
${proxy('userspace')}`);
    for (const line of [
      'cluster.yaml:3: KubeletConfiguration.staticPodPath: kadm does not act on other values than /etc/kubernetes/manifests: the control plane’s manifests are there',
      'cluster.yaml:4: KubeletConfiguration.containerRuntimeEndpoint: is another runtime’s: kadm installs containerd',
      'cluster.yaml:8: KubeProxyConfiguration.mode: is not one of iptables, ipvs, nftables',
    ])
      expect(text).toContain(line);
    for (const mode of ['""', 'iptables', 'ipvs', 'nftables']) expect(problemsOf(proxy(mode))).toBe('valid');
    const usual = 'staticPodPath: /etc/kubernetes/manifests';
    for (const socket of ['""', 'unix:///run/containerd/containerd.sock'])
      expect(problemsOf(`${kubelet}\n${usual}\ncontainerRuntimeEndpoint: ${socket}\n`)).toBe('valid');
  });

  it('reads anchors and merge keys, carriage returns, and documents of nothing', () => {
    const documents = parseDocuments(
      `# who wrote this
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
scheduler: &all
  extraArgs: &args [{ name: v, value: "3" }]
controllerManager: { <<: *all, extraEnvs: [{ name: A, value: b }] }
apiServer: { extraArgs: *args }
---
`.replaceAll('\n', '\r\n'),
      'test',
    );
    const extraArgs = [{ name: 'v', value: '3' }];
    expect(documents.ClusterConfiguration).toMatchObject({
      scheduler: { extraArgs },
      controllerManager: { extraArgs, extraEnvs: [{ name: 'A', value: 'b' }] },
      apiServer: { extraArgs },
    });
  });

  it.each([
    ['a: *nothing\n', 'cluster.yaml:1: there is no anchor &nothing before *nothing'],
    ['a: 1\na: 2\n', 'cluster.yaml:2: Map keys must be unique'],
    ['a:\n\tb: 1\n', 'cluster.yaml:2: Tabs are not allowed as indentation'],
    ['just words\n', 'cluster.yaml:1: is not a document with apiVersion and kind'],
    ['apiVersion: kubeadm.k8s.io/v1beta4\n', 'cluster.yaml:1: kind is missing; kinds are'],
    ['kind: UpgradeConfiguration\n', 'cluster.yaml:1: kadm does not act on an UpgradeConfiguration'],
    ['kind: ClusterConfiguration\n', 'cluster.yaml:1: ClusterConfiguration.apiVersion: is missing'],
  ])('refuses %j', (text, message) => {
    expect(problemsOf(text)).toContain(message);
  });

  it('is not filled by aliases of aliases', () => {
    const level = (name: string, of: string): string =>
      `${name}: &${name} [${Array(9).fill(`*${of}`).join(', ')}]\n`;
    const bomb = ['b', 'c', 'd', 'e', 'f'].map((name, index) => level(name, 'abcde'.charAt(index))).join('');
    expect(problemsOf(`a: &a x\n${bomb}`)).toContain('cluster.yaml:1: its aliases stand for too much');
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
      'cluster.yaml:13: InitConfiguration.nodeRegistration.criSocket: is another runtime’s: kadm installs containerd',
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
    const old = (version: string): string =>
      problemsOf(`apiVersion: kubeadm.k8s.io/${version}\nkind: ClusterConfiguration\n`);
    expect(old('v1beta3')).toContain('kadm config migrate --old-config FILE');
    expect(old('v1beta2')).toContain('is older than v1beta3: an older kubeadm');
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
    const broken = problemsOf('kind: JoinConfiguration\ntoken: [a\n]] abcdef.0123456789abcdef\n"s3cret"');
    expect(broken).toMatch(/^2 the configuration is not valid/);
    expect(broken).not.toMatch(/0123456789abcdef|s3cret/);
  });
});
