import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../../../src/config/documents.ts';
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

  it('does not echo a value, which may be a secret', () => {
    const text = problemsOf(`apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery: { bootstrapToken: { apiServerEndpoint: "a b", token: [abcdef.0123456789abcdef] } }
`);
    expect(text).toContain('JoinConfiguration.discovery.bootstrapToken.token');
    expect(text).not.toContain('0123456789abcdef');
  });
});
