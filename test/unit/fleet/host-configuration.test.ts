import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../../../src/config/documents.ts';
import { workerConfiguration } from '../../../src/fleet/host-configuration.ts';

const documents = parseDocuments(
  `
apiVersion: kadm.io/v1
kind: Cluster
spec:
  containerd: { restrictOOMScoreAdj: true }
  components: { source: { kind: store, path: /srv/store } }
  hosts: [{ address: m, role: control-plane }]
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 200
serializeImagePulls: false
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
clusterName: mine
`,
  'test',
);
const sha256 = '0'.repeat(64);
const artifact = { name: 'kubelet', version: 'v1', kind: 'binary', sha256, size: 1 } as const;
const offer = { kubernetesVersion: 'v1.36.3', url: 'http://10.0.0.1:4000', artifacts: [artifact] };
const cluster = {
  endpoint: '10.0.0.1:6443',
  caCertHash: `sha256:${'a'.repeat(64)}`,
  token: 'abcdef.0123456789abcdef',
};

describe('the configuration of a worker', () => {
  it('takes what holds for all hosts, and components from the control plane', () => {
    const { Cluster, ClusterConfiguration } = parseDocuments(
      workerConfiguration({ documents, offer }),
      'test',
    );
    expect(Cluster?.spec).toEqual({
      containerd: { restrictOOMScoreAdj: true },
      components: { source: { kind: 'http', url: offer.url, artifacts: [artifact] } },
    });
    expect(ClusterConfiguration).toMatchObject({ kubernetesVersion: 'v1.36.3' });
  });

  it('names the cluster and the token only once they are known', () => {
    const before = parseDocuments(workerConfiguration({ documents, offer }), 'test');
    expect(before.JoinConfiguration?.discovery).toBeUndefined();
    const after = parseDocuments(workerConfiguration({ documents, offer, cluster }), 'test');
    expect(after.JoinConfiguration?.discovery?.bootstrapToken).toEqual({
      apiServerEndpoint: cluster.endpoint,
      token: cluster.token,
      caCertHashes: [cluster.caCertHash],
    });
  });

  it('says of one host what its entry says, over what holds for all', () => {
    const entry = { address: 'w', nodeName: 'w7', kubelet: { maxPods: 30 } };
    const found = parseDocuments(workerConfiguration({ documents, offer, cluster, entry }), 'test');
    expect(found.JoinConfiguration?.nodeRegistration?.name).toBe('w7');
    expect(found.KubeletConfiguration).toMatchObject({ maxPods: 30, serializeImagePulls: false });
  });

  it('makes a control plane only of a host that is to be one, at the address of its entry', () => {
    const text =
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ncontrolPlane: { localAPIEndpoint: { bindPort: 7443 } }\n';
    const all = { documents: parseDocuments(text, 'test'), offer, cluster };
    const worker = parseDocuments(workerConfiguration(all), 'test');
    expect(worker.JoinConfiguration?.controlPlane).toBeUndefined();
    const certificateKey = 'a'.repeat(64);
    const entry = { address: 'm2', nodeIP: '10.0.0.2' };
    const master = workerConfiguration({ ...all, entry, controlPlane: { certificateKey } });
    expect(parseDocuments(master, 'test').JoinConfiguration?.controlPlane).toEqual({
      localAPIEndpoint: { bindPort: 7443, advertiseAddress: '10.0.0.2' },
      certificateKey,
    });
  });
});
