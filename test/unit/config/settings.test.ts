import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../../../src/config/documents.ts';
import { joinSettings } from '../../../src/config/join-settings.ts';
import { initSettings } from '../../../src/config/settings.ts';
import { duration, endpointWithPort } from '../../../src/config/values.ts';

const FACTS = { hostname: 'H1', defaultAddress: '10.0.0.1' };
const HASH = `sha256:${'a'.repeat(64)}`;

function init(flags: Parameters<typeof initSettings>[0] = {}, yaml = ''): ReturnType<typeof initSettings> {
  return initSettings(flags, parseDocuments(yaml, 'test'), FACTS, 'v1.36.3');
}

describe('initSettings', () => {
  it('has defaults for everything', () => {
    const settings = init();
    expect(settings).toMatchObject({
      nodeName: 'h1',
      nodeIP: '10.0.0.1',
      advertiseAddress: '10.0.0.1',
      apiPort: 6443,
      kubernetesVersion: 'v1.36.3',
      tokenOptions: { ttlSeconds: 86_400 },
      network: { backend: 'vxlan', vni: 1, port: 8472, exclusive: false },
    });
    expect(settings.podCidrs.map(({ text }) => text)).toEqual(['10.244.0.0/16']);
    expect(settings.serviceCidrs.map(({ text }) => text)).toEqual(['10.96.0.0/12']);
  });

  it('takes documents, and flags before documents', () => {
    const yaml = `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking: { podSubnet: 10.10.0.0/16, serviceSubnet: 10.97.0.0/16 }
---
apiVersion: kadm.io/v1
kind: Cluster
spec: { network: { port: 4789 } }
`;
    const settings = init({ podNetworkCidr: '10.20.0.0/16' }, yaml);
    expect(settings.podCidrs[0]?.text).toBe('10.20.0.0/16');
    expect(settings.serviceCidrs[0]?.text).toBe('10.97.0.0/16');
    expect(init({ networkBackend: 'auto', networkVni: '7' }, yaml).network).toEqual({
      backend: 'auto',
      vni: 7,
      port: 4789,
      exclusive: false,
    });
    expect(settings.network).toEqual({ backend: 'vxlan', vni: 1, port: 4789, exclusive: false });
  });

  it.each([
    [
      { podNetworkCidr: '10.96.0.0/16' },
      '--pod-network-cidr 10.96.0.0/16 and --service-cidr 10.96.0.0/12 overlap',
    ],
    [
      { serviceCidr: '10.0.0.0/8', podNetworkCidr: '192.168.0.0/16' },
      '--service-cidr: 10.0.0.0/8 is too large',
    ],
    [{ serviceCidr: '10.96.0.0/30' }, '--service-cidr: 10.96.0.0/30 is too small for Services'],
    [{ serviceCidr: '127.0.0.0/16' }, '--service-cidr: 127.0.0.0/16 has loopback addresses'],
    [{ podNetworkCidr: '224.0.0.0/8' }, '--pod-network-cidr: 224.0.0.0/8 has multicast addresses'],
    [
      { apiserverAdvertiseAddress: '127.0.0.1' },
      '--apiserver-advertise-address: "127.0.0.1" is a loopback address, which other hosts cannot reach: give another, or leave it out',
    ],
    [{ apiserverAdvertiseAddress: 'here' }, '--apiserver-advertise-address: "here" is not an IP address'],
    [{ apiserverBindPort: '10250' }, '--apiserver-bind-port: 10250 is the port of the kubelet'],
    [{ podNetworkCidr: '10.244.0.0/25' }, '10.244.0.0/25 holds no network of a node, which is a /24'],
    [{ podNetworkCidr: '11.0.0.0/7' }, 'host bits'],
    [{ podNetworkCidr: '12.0.0.0/7' }, 'holds too many networks of nodes'],
    [{ podNetworkCidr: '10.244.0.0' }, '--pod-network-cidr: "10.244.0.0" is not a CIDR'],
    [{ serviceCidr: '10.96.0.1/12' }, '--service-cidr: 10.96.0.1/12 has host bits set'],
    [{ nodeName: 'Big_Host' }, '--node-name: "Big_Host" is not a node name'],
    [{ apiserverBindPort: '70000' }, '--apiserver-bind-port: 70000 is not a port number'],
    [{ networkBackend: 'ipip' }, '--network-backend: "ipip" is not one of vxlan, host-gw, auto, none'],
    [{ networkPort: '0' }, '--network-port: "0" is smaller than 1'],
    [{ networkVni: 'one' }, '--network-vni: "one" is not a number'],
    [{ tokenTtl: 'soon' }, '--token-ttl: "soon" is not a duration'],
  ])('refuses %j as wrong usage', (flags, message) => {
    expect(() => init(flags)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(message), exitCode: 2 }),
    );
  });

  const DUAL = {
    podNetworkCidr: '10.244.0.0/16,fd00:10:244::/56',
    serviceCidr: '10.96.0.0/16,fd00:10:96::/112',
  };

  it('takes a network of each family, the primary one first', () => {
    const { podCidrs, serviceCidrs } = init(DUAL);
    expect(podCidrs.map(({ text }) => text)).toEqual(['10.244.0.0/16', 'fd00:10:244::/56']);
    expect(serviceCidrs.map(({ text }) => text)).toEqual(['10.96.0.0/16', 'fd00:10:96::/112']);
    const turned = {
      podNetworkCidr: 'fd00:10:244::/56, 10.244.0.0/16',
      serviceCidr: 'fd00:10:96::/112,10.96.0.0/16',
      apiserverAdvertiseAddress: 'fd77::1',
    };
    expect(init(turned)).toMatchObject({ podCidrs: [{ family: 6 }, { family: 4 }], nodeIP: 'fd77::1' });
    // Pods may have two where Services have one.
    expect(init({ podNetworkCidr: DUAL.podNetworkCidr }).serviceCidrs).toHaveLength(1);
  });

  it('keeps the networks of both families from the proxy', () => {
    const facts = { ...FACTS, environment: { HTTPS_PROXY: 'http://proxy:3128' } };
    const { proxy } = initSettings(DUAL, {}, facts, 'v1.36.3');
    const none = proxy.find(({ name }) => name === 'NO_PROXY')?.value ?? '';
    expect(none.split(',')).toEqual(
      expect.arrayContaining(['10.244.0.0/16', 'fd00:10:244::/56', '10.96.0.0/16', 'fd00:10:96::/112']),
    );
  });

  it.each([
    [{ podNetworkCidr: '10.244.0.0/16,10.245.0.0/16' }, 'holds more than one CIDR of a family'],
    [{ podNetworkCidr: `${DUAL.podNetworkCidr},fd01::/56` }, 'holds more than one CIDR of a family'],
    [{ serviceCidr: DUAL.serviceCidr }, 'has IPv6, and --pod-network-cidr 10.244.0.0/16 has not'],
    [{ ...DUAL, serviceCidr: 'fd00:10:96::/112,10.96.0.0/16' }, 'begin with different families'],
    [{ ...DUAL, apiserverAdvertiseAddress: 'fd77::1' }, 'address fd77::1 is not IPv4'],
    [
      { podNetworkCidr: 'fd00:10:244::/56', serviceCidr: 'fd00:10:96::/112' },
      'address 10.0.0.1 is not IPv6, which --service-cidr fd00:10:96::/112 begins with',
    ],
    [{ ...DUAL, podNetworkCidr: '10.244.0.0/16,fd11:10::/40' }, 'fd11:10::/40 holds too many networks'],
    [{ ...DUAL, podNetworkCidr: '10.244.0.0/16,fd00::/72' }, 'fd00::/72 holds no network of a node'],
    [{ ...DUAL, serviceCidr: '10.96.0.0/16,fd00:10:96::/64' }, 'fd00:10:96::/64 is too large for Services'],
    [{ ...DUAL, serviceCidr: '10.96.0.0/16,fd00:10:96::/125' }, 'fd00:10:96::/125 is too small for Services'],
    [
      {
        ...DUAL,
        podNetworkCidr: '10.244.0.0/16,fd00:10:96::/56',
        serviceCidr: '10.96.0.0/16,fd00:10:96::/112',
      },
      'overlap',
    ],
    [{ ...DUAL, networkVni: '10000' }, '--network-vni: 10000 is too large for IPv6'],
    [{ networkVni: '10000000' }, '--network-vni: 10000000 is too large for IPv4'],
  ])('refuses networks that cannot be: %j', (flags, message) => {
    expect(() => init(flags)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(message), exitCode: 2 }),
    );
  });

  it('refuses one prefix of nodes’ networks for both families', () => {
    const yaml = (name: string): string => `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
controllerManager: { extraArgs: [{ name: ${name}, value: "25" }] }
`;
    expect(() => init(DUAL, yaml('node-cidr-mask-size'))).toThrow('does not go with pod networks of both');
    expect(init(DUAL, yaml('node-cidr-mask-size-ipv4')).podCidrs).toHaveLength(2);
  });

  describe('says of a file what is wrong by its fields, not by flags', () => {
    const yaml = (fields: string): string =>
      `apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n${fields}\n`;
    const mask = (value: string): string =>
      `controllerManager: { extraArgs: [{ name: node-cidr-mask-size, value: "${value}" }] }`;

    it.each([
      [
        'networking: { podSubnet: 10.244.0.0/28 }',
        'ClusterConfiguration.networking.podSubnet: 10.244.0.0/28 holds no network of a node, which is a /24',
      ],
      [
        'networking: { podSubnet: 10.96.0.0/16 }',
        'ClusterConfiguration.networking.podSubnet 10.96.0.0/16 and ClusterConfiguration.networking.serviceSubnet 10.96.0.0/12 overlap',
      ],
      [
        'networking: { serviceSubnet: "fd00:10:96::/112" }',
        'ClusterConfiguration.networking.serviceSubnet fd00:10:96::/112 has IPv6, and ClusterConfiguration.networking.podSubnet 10.244.0.0/16 has not',
      ],
      ...['12', '33', 'x', ''].map((value) => [
        mask(value),
        `ClusterConfiguration.controllerManager.extraArgs: node-cidr-mask-size ${value} does not go with ClusterConfiguration.networking.podSubnet 10.244.0.0/16`,
      ]),
    ])('%s', (fields, message) => {
      expect(() => init({}, yaml(fields))).toThrow(message);
    });

    it('but what it says nothing of by the flag that could', () => {
      const components = 'apiVersion: kadm.io/v1\nkind: Cluster\nspec: {}\n';
      expect(() => init({ podNetworkCidr: '10.96.0.0/16' }, components)).toThrow(
        '--pod-network-cidr 10.96.0.0/16 and --service-cidr 10.96.0.0/12 overlap',
      );
    });

    it('but a flag by its name', () => {
      expect(() => init({ podNetworkCidr: '10.244.0.0/28' }, yaml(''))).toThrow(/^--pod-network-cidr: /);
    });

    it('takes any length that the network of pods has room for', () => {
      for (const value of ['16', '25', '32']) expect(init({}, yaml(mask(value))).podCidrs).toHaveLength(1);
    });
  });

  it.each([
    ['10.96.0.0/28', 'fd00:10:96::/124'],
    ['10.96.0.0/12', 'fd00:10:96::/108'],
  ])('takes %s and %s for Services', (four, six) => {
    expect(init({ ...DUAL, serviceCidr: `${four},${six}` }).serviceCidrs).toHaveLength(2);
  });

  it('asks for an address when the host has no default route', () => {
    const facts = { hostname: 'h1', defaultAddress: undefined };
    expect(() => initSettings({}, {}, facts, 'v1.36.3')).toThrow('no default route');
  });
});

describe('joinSettings', () => {
  const flags = { endpoint: '10.0.0.1', token: 'abcdef.0123456789abcdef', discoveryTokenCaCertHash: [HASH] };

  it('reads flags, and adds the usual port', () => {
    expect(joinSettings(flags, {}, FACTS)).toMatchObject({
      discovery: { kind: 'token', endpoint: '10.0.0.1:6443', caCertHashes: [HASH] },
      nodeName: 'h1',
    });
  });

  it('reads a JoinConfiguration', () => {
    const documents = parseDocuments(
      `apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken: { apiServerEndpoint: "10.0.0.1:6443", token: abcdef.0123456789abcdef, caCertHashes: ["${HASH}"] }
nodeRegistration: { name: w1 }
`,
      'test',
    );
    expect(joinSettings({}, documents, FACTS)).toMatchObject({
      discovery: { endpoint: '10.0.0.1:6443' },
      nodeName: 'w1',
    });
  });

  it('does not join without a CA hash unless told that this is unsafe', () => {
    const { discoveryTokenCaCertHash: _, ...without } = flags;
    expect(() => joinSettings(without, {}, FACTS)).toThrow('no CA certificate hash');
    const unsafe = { ...without, discoveryTokenUnsafeSkipCaVerification: true };
    expect(joinSettings(unsafe, {}, FACTS).discovery).toMatchObject({ caCertHashes: [] });
  });
});

describe('small readers', () => {
  it('knows Go durations', () => {
    expect(duration('--ttl', '24h0m0s')).toBe(86_400);
    expect(duration('--ttl', '90m')).toBe(5_400);
    expect(duration('--ttl', '0')).toBe(0);
    expect(duration('--ttl', '1.5h')).toBe(5_400);
    expect(duration('--ttl', '1m30s500ms')).toBe(90.5);
    for (const text of ['', '1d', 'h', '5', '-1h', '1h 2m'])
      expect(() => duration('--ttl', text)).toThrow('is not a duration');
  });

  it('completes endpoints', () => {
    expect(endpointWithPort('api.example')).toBe('api.example:6443');
    expect(endpointWithPort('[fd00::1]')).toBe('[fd00::1]:6443');
    expect(endpointWithPort('[fd00::1]:8443')).toBe('[fd00::1]:8443');
  });
});
