import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../../../src/config/documents.ts';
import { joinSettings } from '../../../src/config/join-settings.ts';
import { type InitSettings, initSettings } from '../../../src/config/settings.ts';

const FACTS = { hostname: 'H1', defaultAddress: '10.0.0.1' };
const KUBEADM = 'apiVersion: kubeadm.k8s.io/v1beta4';

function init(yaml: string, flags: Parameters<typeof initSettings>[0] = {}): InitSettings {
  return initSettings(flags, parseDocuments(yaml, 'test'), FACTS, 'v1.36.3');
}

describe('what the configuration says of the control plane', () => {
  it('is nothing where nothing is said', () => {
    expect(init('')).toMatchObject({
      components: { apiServer: { extraArgs: [], extraVolumes: [], extraEnvs: [] } },
      etcd: { kind: 'local', dataDir: '/var/lib/etcd' },
      images: { repository: 'registry.k8s.io' },
      without: { dns: false, proxy: false },
      timeouts: { controlPlaneMs: 240_000, discoveryMs: undefined },
      patchesDirectory: undefined,
      taints: undefined,
      proxy: [],
    });
  });

  it('is an etcd of somebody else', () => {
    const yaml = `${KUBEADM}
kind: ClusterConfiguration
etcd:
  external:
    endpoints: [https://10.0.0.5:2379, https://10.0.0.6:2379]
    caFile: /etc/etcd/ca.crt
    certFile: /etc/etcd/client.crt
    keyFile: /etc/etcd/client.key
`;
    expect(init(yaml).etcd).toEqual({
      kind: 'external',
      endpoints: ['https://10.0.0.5:2379', 'https://10.0.0.6:2379'],
      httpEndpoints: ['https://10.0.0.5:2379', 'https://10.0.0.6:2379'],
      caFile: '/etc/etcd/ca.crt',
      certFile: '/etc/etcd/client.crt',
      keyFile: '/etc/etcd/client.key',
    });
  });

  it.each([
    ['etcd: { local: {}, external: { endpoints: ["https://a:1"] } }', 'is either local or external'],
    ['etcd: { external: { endpoints: ["http://a:1"], caFile: /ca } }', 'has to begin with https:'],
    ['etcd: { external: { endpoints: ["https://a:1"], certFile: /c } }', 'go together'],
    ['etcd: { external: { endpoints: [] } }', 'names no endpoint'],
    ['apiServer: { extraEnvs: [{ name: A, valueFrom: { secretKeyRef: {} } }] }', 'cannot read ConfigMaps'],
    ['apiServer: { extraArgs: [{ name: --v, value: "1" }] }', 'without its dashes'],
    ['apiServer: { certSANs: ["a b"] }', 'neither an IP address nor a DNS name'],
    ['imageRepository: https://x', 'is not a repository'],
    ['networking: { dnsDomain: Cluster_Local }', 'is not a domain'],
  ])('is refused when it makes no sense: %s', (field, message) => {
    expect(() => init(`${KUBEADM}\nkind: ClusterConfiguration\n${field}\n`)).toThrow(message);
  });

  it('comes from flags as well', () => {
    const settings = init('', {
      imageRepository: 'mirror.example.org',
      apiserverCertExtraSans: ['a.example.org', '10.0.0.9'],
      featureGates: 'NodeLocalCRISocket=true',
      patches: '/root/patches',
      criSocket: 'unix:///run/containerd/containerd.sock',
      certDir: '/srv/pki',
    });
    expect(settings).toMatchObject({
      images: { repository: 'mirror.example.org' },
      certSANs: ['a.example.org', '10.0.0.9'],
      featureGates: { NodeLocalCRISocket: true },
      patchesDirectory: '/root/patches',
      certificatesDir: '/srv/pki',
    });
  });

  it.each([
    [{ imageRepository: 'http://x' }, '--image-repository: "http://x" is not a repository'],
    [{ apiserverCertExtraSans: ['a_b'] }, '--apiserver-cert-extra-sans: "a_b" is neither'],
    [{ featureGates: 'NodeLocalCRISockt=true' }, 'there is no feature gate "NodeLocalCRISockt"'],
    [{ featureGates: 'RootlessControlPlane=true' }, 'kadm does not act on this'],
    [{ patches: 'patches' }, '--patches: "patches" is not a path from the root on'],
    [{ criSocket: '/run/crio.sock' }, 'kadm installs containerd'],
    [{ certDir: 'pki' }, '--cert-dir: "pki" is not a path from the root on'],
  ])('refuses %j as wrong usage', (flags, message) => {
    expect(() => init('', flags)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(message), exitCode: 2 }),
    );
  });
});

it('each timeout is that of the document', () => {
  const yaml = (kind: string, timeouts: string): string =>
    `${KUBEADM}\nkind: ${kind}\ntimeouts: { ${timeouts} }\n`;
  const ofInit = 'controlPlaneComponentHealthCheck: 5m, kubernetesAPICall: 1m30s';
  expect(init(yaml('InitConfiguration', ofInit)).timeouts).toMatchObject({
    controlPlaneMs: 300_000,
    apiCallMs: 90_000,
  });
  const ofJoin =
    'kubeletHealthCheck: 1m, kubernetesAPICall: 2s, etcdAPICall: 3s, tlsBootstrap: 4s, discovery: 1.5s';
  const documents = parseDocuments(yaml('JoinConfiguration', ofJoin), 'test');
  const flags = { endpoint: 'a:6443', token: 't', discoveryTokenUnsafeSkipCaVerification: true };
  expect(joinSettings(flags, documents, FACTS).timeouts).toEqual({
    controlPlaneMs: 240_000,
    kubeletMs: 60_000,
    apiCallMs: 2_000,
    etcdCallMs: 3_000,
    tlsBootstrapMs: 4_000,
    discoveryMs: 1_500,
  });
});

describe('the registration of a node', () => {
  const registration = (fields: string): string =>
    `${KUBEADM}\nkind: InitConfiguration\nnodeRegistration: ${fields}\n`;

  it('may have no taints at all, which is not the same as nothing said', () => {
    expect(init(registration('{ taints: [] }')).taints).toEqual([]);
    expect(init(registration('{ taints: null }')).taints).toBeUndefined();
  });

  it('follows what the kubelet is told of its name and address', () => {
    const args =
      '{ kubeletExtraArgs: [{ name: hostname-override, value: n7 }, { name: node-ip, value: 10.9.9.9 }] }';
    expect(init(registration(args))).toMatchObject({ nodeName: 'n7', nodeIP: '10.9.9.9' });
    const both = '{ name: m1, kubeletExtraArgs: [{ name: hostname-override, value: n7 }] }';
    expect(() => init(registration(both))).toThrow(
      '--hostname-override is n7, but the node is to be named m1',
    );
  });

  it('may go by a kubeconfig in place of a token', () => {
    const yaml = `${KUBEADM}
kind: JoinConfiguration
discovery: { file: { kubeConfigPath: file:///root/discovery.conf }, tlsBootstrapToken: aaaaaa.0123456789abcdef }
`;
    const found = { discovery: { kind: 'file', path: '/root/discovery.conf' } };
    const expected = { ...found, tlsBootstrapToken: 'aaaaaa.0123456789abcdef' };
    expect(joinSettings({}, parseDocuments(yaml, 'test'), FACTS)).toMatchObject(expected);
    const flags = { discoveryFile: '/root/discovery.conf' };
    expect(joinSettings(flags, {}, FACTS)).toMatchObject({ ...found, tlsBootstrapToken: undefined });
    expect(() => joinSettings({ ...flags, endpoint: 'a' }, {}, FACTS)).toThrow('goes without HOST:PORT');
  });

  it('gives a token to the API that is not the one of discovery', () => {
    const flags = {
      endpoint: 'a',
      token: 'aaaaaa.0123456789abcdef',
      discoveryTokenUnsafeSkipCaVerification: true,
    };
    expect(joinSettings(flags, {}, FACTS)).toMatchObject({
      discovery: { token: flags.token },
      tlsBootstrapToken: flags.token,
    });
    const other = { ...flags, discoveryToken: 'bbbbbb.0123456789abcdef' };
    expect(joinSettings(other, {}, FACTS)).toMatchObject({
      discovery: { token: other.discoveryToken },
      tlsBootstrapToken: flags.token,
    });
  });
});

it('NO_PROXY holds the hosts of the cluster and the source of its components', () => {
  const yaml = `apiVersion: kadm.io/v1
kind: Cluster
spec:
  hosts: [{ address: w1.example.org }, { address: "10.0.0.[2-3]" }, { address: w2.example.org, nodeIP: 10.9.0.9 }]
  components: { source: { kind: http, url: "http://10.0.0.7:4000", artifacts: [] } }
`;
  const facts = { ...FACTS, environment: { HTTP_PROXY: 'http://p:1' } };
  const { proxy } = initSettings({}, parseDocuments(yaml, 'test'), facts, 'v1.36.3');
  const direct = proxy.find(({ name }) => name === 'NO_PROXY')?.value?.split(',');
  expect(direct).toEqual(
    expect.arrayContaining([
      'w1.example.org',
      '10.0.0.2',
      '10.0.0.3',
      'w2.example.org',
      '10.9.0.9',
      '10.0.0.7',
      '10.0.0.1',
      '.cluster.local',
    ]),
  );
});
