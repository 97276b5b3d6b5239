import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { settingsOptions } from '../../../src/cli/init.ts';
import { DEFAULT_KUBERNETES_VERSION, releaseFor } from '../../../src/components/catalog.ts';
import { parseDocuments } from '../../../src/config/documents.ts';
import { type InitFlags, type InitSettings, initSettings } from '../../../src/config/settings.ts';
import { effectiveConfiguration } from '../../../src/init/effective-configuration.ts';

const FACTS = { hostname: 'h1', defaultAddress: '10.0.0.1' };

const settingsOf = (yaml: string, flags: InitFlags = {}): InitSettings =>
  initSettings(flags, parseDocuments(yaml, 'test'), FACTS, DEFAULT_KUBERNETES_VERSION);

const printed = (settings: InitSettings): string =>
  effectiveConfiguration(settings, releaseFor(DEFAULT_KUBERNETES_VERSION))
    .map((document) => stringify(document))
    .join('---\n');

const FULL = `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{ ttl: 2h, description: mine }]
nodeRegistration:
  name: m1
  taints: [{ key: a, value: b, effect: NoExecute }]
  kubeletExtraArgs: [{ name: v, value: "4" }]
  imagePullSerial: true
patches: { directory: /p }
skipPhases: [addon-coredns]
timeouts: { controlPlaneComponentHealthCheck: 10m }
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: blue
certificatesDir: /srv/pki
controlPlaneEndpoint: api.example.org:7443
imageRepository: mirror.example.org
featureGates: { NodeLocalCRISocket: true }
apiServer:
  certSANs: [a.example.org]
  extraArgs: [{ name: v, value: "3" }]
  extraVolumes: [{ name: v, hostPath: /a, mountPath: /b, pathType: File, readOnly: true }]
  extraEnvs: [{ name: A, value: b }]
dns: { imageTag: v9 }
proxy: { disabled: true }
etcd: { local: { dataDir: /srv/etcd, imageTag: 3.6.9-0, serverCertSANs: [e.example.org] } }
networking: { podSubnet: 10.10.0.0/16, serviceSubnet: 10.97.0.0/16, dnsDomain: blue.local }
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 50
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: ipvs
---
apiVersion: kadm.io/v1
kind: Cluster
spec: { network: { vni: 9 } }
`;

/** All that there are, each with another value than the default. */
const FLAGS = {
  apiserverAdvertiseAddress: '10.0.0.7',
  apiserverBindPort: '7443',
  podNetworkCidr: '10.11.0.0/16',
  serviceCidr: '10.98.0.0/16',
  serviceDnsDomain: 'green.local',
  kubernetesVersion: DEFAULT_KUBERNETES_VERSION,
  nodeName: 'm7',
  imageRepository: 'other.example.org',
  featureGates: 'PublicKeysECDSA=true',
  apiserverCertExtraSans: ['b.example.org', '10.9.9.9'],
  certDir: '/srv/other',
  criSocket: 'unix:///run/containerd/containerd.sock',
  patches: '/q',
  token: 'abcdef.0123456789abcdef',
  tokenTtl: '90m',
  controlPlaneEndpoint: 'api.example.org:7443',
  networkBackend: 'host-gw',
  networkPort: '8473',
  networkVni: '7',
  skipPhases: ['addon'],
  ignorePreflightErrors: ['Swap'],
} satisfies InitFlags;

/** Filled from the cluster's own, and printed: the second time they are given. */
const COMPONENTS = { kubelet: expect.anything(), kubeProxy: expect.anything() };

describe('the effective configuration', () => {
  it.each([
    ['nothing', ''],
    ['much', FULL],
    [
      'an external etcd',
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\netcd: { external: { endpoints: ["https://a:2379"] } }\n',
    ],
  ])('of %s makes the same cluster when it is given, and prints itself', (_, yaml) => {
    const settings = settingsOf(yaml);
    const text = printed(settings);
    const again = settingsOf(text);
    const { token: _token, tokenOptions, taints, ...rest } = settings;
    expect(again).toEqual({
      ...rest,
      ...COMPONENTS,
      token: undefined,
      taints: taints ?? [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }],
      tokenOptions: { ...tokenOptions, usages: expect.anything(), groups: expect.anything() },
    });
    expect(printed(again)).toBe(text);
  });

  it.each([
    ['alone', ''],
    ['over a file', FULL],
  ])('has what flags say, %s', (_, yaml) => {
    const known = settingsOptions(new Command()).options.map((option) => option.attributeName());
    expect(Object.keys(FLAGS).sort()).toEqual(known.sort());
    const settings = settingsOf(yaml, FLAGS);
    const { token: _token, tokenOptions, taints, ...rest } = settings;
    expect(settingsOf(printed(settings))).toMatchObject({ ...rest, ...COMPONENTS });
    expect(printed(settings)).toContain('ttl: 1h30m0s');
    expect(printed(settings)).not.toContain(FLAGS.token.split('.')[1]);
  });

  it('holds no token', () => {
    const yaml = FULL.replace('{ ttl: 2h', '{ token: abcdef.0123456789abcdef, ttl: 2h');
    expect(printed(settingsOf(yaml))).not.toContain('0123456789abcdef');
  });
});
