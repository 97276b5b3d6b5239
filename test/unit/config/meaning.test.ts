import { expect, it } from 'vitest';
import { checkPhase } from '../../../src/cli/phase-ids.ts';
import { releaseFor } from '../../../src/components/catalog.ts';
import { checkConfiguration } from '../../../src/config/documents.ts';
import { type Known, meaningProblems } from '../../../src/config/meaning.ts';

const VERBS = { InitConfiguration: 'init', JoinConfiguration: 'join', ResetConfiguration: 'reset' } as const;
const KNOWN: Known = {
  defaultVersion: 'v1.36.3',
  version: releaseFor,
  phase: (kind, name) => checkPhase(VERBS[kind], name),
};
const KUBEADM = 'apiVersion: kubeadm.k8s.io/v1beta4';

function problemsOf(text: string): string[] {
  return meaningProblems(checkConfiguration(text, 'cluster.yaml'), KNOWN);
}

it('tells of each thing that cannot be, where it is said', () => {
  const problems = problemsOf(`${KUBEADM}
kind: ClusterConfiguration
kubernetesVersion: v1.35.0
networking: { podSubnet: 10.96.0.0/16 }
caCertificateValidityPeriod: 1h
certificateValidityPeriod: 2h
---
apiVersion: kadm.io/v1
kind: Cluster
spec: { hosts: [{ address: a }, { address: a }] }
---
${KUBEADM}
kind: InitConfiguration
nodeRegistration: { name: a, kubeletExtraArgs: [{ name: hostname-override, value: b }] }
skipPhases: [addon/kube-proxy, certs/ca, addon/kube-prox]
---
${KUBEADM}
kind: JoinConfiguration
discovery: { bootstrapToken: { apiServerEndpoint: "10.0.0.1:6443", token: abcdef.0123456789abcdef } }
skipPhases: [control-plane-prepare, nothing]
---
${KUBEADM}
kind: ResetConfiguration
skipPhases: [cleanup-nod]
`);
  expect(problems).toEqual([
    expect.stringMatching(/^cluster.yaml:10: Cluster.spec.hosts names a twice/),
    expect.stringMatching(
      /^cluster.yaml:3: ClusterConfiguration.kubernetesVersion: .*v1.35.0: choose one of/,
    ),
    expect.stringMatching(
      /^cluster.yaml:4: ClusterConfiguration.networking.podSubnet 10.96.0.0.16 and .* overlap: choose/,
    ),
    expect.stringMatching(/^cluster.yaml:6: ClusterConfiguration.certificateValidityPeriod: .* longer than/),
    expect.stringMatching(/^cluster.yaml:14: InitConfiguration.nodeRegistration: .*hostname-override is b/),
    expect.stringMatching(/^cluster.yaml:19: JoinConfiguration.discovery: no CA certificate hash/),
    expect.stringMatching(
      /^cluster.yaml:15: InitConfiguration.skipPhases\[2\]: .*did you mean addon-kube-proxy/,
    ),
    expect.stringMatching(/^cluster.yaml:20: JoinConfiguration.skipPhases\[1\]: there is no phase "nothing"/),
    expect.stringMatching(
      /^cluster.yaml:24: ResetConfiguration.skipPhases\[0\]: .*did you mean cleanup-node/,
    ),
  ]);
});

it('does not compare with what is not valid itself', () => {
  const init = `${KUBEADM}\nkind: InitConfiguration\nlocalAPIEndpoint: { advertiseAddress: "fd00::1" }\n`;
  expect(problemsOf(init)).toEqual([
    expect.stringContaining('cluster.yaml:3: InitConfiguration.localAPIEndpoint'),
  ]);
  const cluster = `${KUBEADM}\nkind: ClusterConfiguration\nnetworking: { podSubnet: x }\n`;
  expect(problemsOf(`${init}---\n${cluster}`)).toEqual([]);
});

it('is content with what is right, and with nothing', () => {
  expect(problemsOf(`${KUBEADM}\nkind: ClusterConfiguration\nkubernetesVersion: 1.36.3\n`)).toEqual([]);
  expect(problemsOf('')).toEqual([]);
});
