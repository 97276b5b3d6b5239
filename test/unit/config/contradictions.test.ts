import { describe, expect, it, vi } from 'vitest';
import { program } from '../../../src/cli/program.ts';
import { contradictions, INIT_FLAGS, JOIN_FLAGS, RESET_FLAGS } from '../../../src/config/contradictions.ts';
import { parseConfiguration } from '../../../src/config/documents.ts';

const INIT = parseConfiguration(
  `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{ token: abcdef.0123456789abcdef }]
localAPIEndpoint: { bindPort: 6443 }
nodeRegistration: { name: m1, ignorePreflightErrors: [Mem, Swap] }
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking:
  podSubnet: 10.10.0.0/16
`,
  'cluster.yaml',
);

describe('a flag and a file', () => {
  it('that say different things are told, with the line', () => {
    expect(contradictions(INIT_FLAGS, { podNetworkCidr: '10.20.0.0/16', nodeName: 'm2' }, INIT)).toEqual([
      '--node-name m2 is used in place of InitConfiguration.nodeRegistration.name m1 (cluster.yaml:5)',
      '--pod-network-cidr 10.20.0.0/16 is used in place of ClusterConfiguration.networking.podSubnet 10.10.0.0/16 (cluster.yaml:10)',
    ]);
  });

  it('that say the same, or of which only one speaks, are not', () => {
    const flags = {
      podNetworkCidr: '10.10.0.0/16',
      apiserverBindPort: '6443',
      ignorePreflightErrors: ['Mem', 'Swap'],
      serviceCidr: '10.97.0.0/16',
    };
    expect(contradictions(INIT_FLAGS, flags, INIT)).toEqual([]);
  });

  it('do not tell a token', () => {
    const [line, ...more] = contradictions(INIT_FLAGS, { token: 'ghijkl.0123456789abcdef' }, INIT);
    expect(line).toBe(
      '--token is used in place of InitConfiguration.bootstrapTokens.0.token (cluster.yaml:3)',
    );
    expect(more).toEqual([]);
  });

  it('are compared for join too', () => {
    const join = parseConfiguration(
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\nnodeRegistration: { name: w1 }\n',
      'w.yaml',
    );
    expect(contradictions(JOIN_FLAGS, { nodeName: 'w2' }, join)).toEqual([
      '--node-name w2 is used in place of JoinConfiguration.nodeRegistration.name w1 (w.yaml:3)',
    ]);
  });

  it('of the network are compared too', () => {
    const text = 'apiVersion: kadm.io/v1\nkind: Cluster\nspec: { network: { backend: vxlan, port: 4789 } }\n';
    const flags = { networkBackend: 'auto', networkPort: '4789', networkVni: '7' };
    expect(contradictions(INIT_FLAGS, flags, parseConfiguration(text, 'cluster.yaml'))).toEqual([
      '--network-backend auto is used in place of Cluster.spec.network.backend vxlan (cluster.yaml:3)',
    ]);
  });

  // These have no field of their own.
  it.each([
    ['init', INIT_FLAGS, ['uploadCerts', 'skipTokenPrint', 'skipCertificateKeyPrint', 'config', 'output']],
    ['join', JOIN_FLAGS, ['controlPlane', 'awaitDiscovery', 'ssh', 'acceptNewHostKeys', 'config', 'output']],
    ['reset', RESET_FLAGS, ['ssh', 'acceptNewHostKeys', 'drain', 'config', 'output']],
  ] as const)('are compared for each flag of %s', (verb, fields, without) => {
    // What the build puts in.
    vi.stubGlobal('KADM_VERSION', '0.0.0');
    const command = program().commands.find((one) => one.name() === verb);
    const options = command?.options.map((option) => option.attributeName()) ?? [];
    const compared = [...fields.map(({ option }) => option), ...without];
    expect(options.filter((option) => !compared.includes(option))).toEqual([]);
  });
});
