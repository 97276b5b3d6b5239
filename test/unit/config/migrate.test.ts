import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseDocuments } from '../../../src/config/documents.ts';
import { migrate } from '../../../src/config/migrate.ts';

const OLD = `# our cluster
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
apiServer:
  timeoutForControlPlane: 6m0s
  extraArgs:
    v: 2
    audit-log-path: /a.log # for the auditors
    profiling: "false"
etcd: { local: { dataDir: /srv/etcd, extraArgs: { quota-backend-bytes: "1" } } }
---
apiVersion: kubeadm.k8s.io/v1beta3
kind: JoinConfiguration
discovery:
  timeout: 2m0s
  bootstrapToken: { apiServerEndpoint: "a:6443", token: abcdef.0123456789abcdef, unsafeSkipCAVerification: true }
nodeRegistration: { kubeletExtraArgs: { node-ip: 10.0.0.9 } }
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 9
`;

const documentsOf = (text: string): unknown[] => parseAllDocuments(text).map((document) => document.toJS());

describe('migrate', () => {
  it('makes documents of v1beta4, which kadm accepts', () => {
    const text = migrate(OLD, 'old.yaml');
    const { ClusterConfiguration, InitConfiguration, JoinConfiguration, KubeletConfiguration } =
      parseDocuments(text, 'new.yaml');
    expect(ClusterConfiguration?.apiServer).toEqual({
      extraArgs: [
        { name: 'v', value: '2' },
        { name: 'audit-log-path', value: '/a.log' },
        { name: 'profiling', value: 'false' },
      ],
    });
    expect(ClusterConfiguration?.etcd?.local).toEqual({
      dataDir: '/srv/etcd',
      extraArgs: [{ name: 'quota-backend-bytes', value: '1' }],
    });
    expect(InitConfiguration?.timeouts).toEqual({ controlPlaneComponentHealthCheck: '6m0s' });
    expect(JoinConfiguration?.timeouts).toEqual({ discovery: '2m0s' });
    expect(JoinConfiguration?.nodeRegistration?.kubeletExtraArgs).toEqual([
      { name: 'node-ip', value: '10.0.0.9' },
    ]);
    expect(KubeletConfiguration).toMatchObject({ maxPods: 9 });
  });

  it('keeps comments where they were, also in what has another form', () => {
    expect(
      migrate(
        `# our cluster
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
apiServer:
  # slow disks
  timeoutForControlPlane: 6m0s # measured
  # not more than these
  extraArgs:
    # for the support
    v: 2

    # for the auditors
    audit-log-path: /a.log # rotated
    profiling: "false"
    # no more
`,
        'old.yaml',
      ),
    ).toBe(`# our cluster
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer:
  # not more than these
  extraArgs:
    # for the support
    - name: v
      value: "2"

    # for the auditors
    - name: audit-log-path
      value: /a.log # rotated
    - name: profiling
      value: "false"
    # no more
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
timeouts:
  # slow disks
  controlPlaneComponentHealthCheck: 6m0s # measured
`);
  });

  it('follows aliases', () => {
    const text = migrate(
      `apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
apiServer: { extraArgs: { v: &v 2 } }
controllerManager: { extraArgs: &all { v: *v } }
scheduler: { extraArgs: *all }
`,
      'old.yaml',
    );
    const component = { extraArgs: [{ name: 'v', value: '2' }] };
    const expected = { apiServer: component, controllerManager: component, scheduler: component };
    expect(parseDocuments(text, 'new.yaml').ClusterConfiguration).toMatchObject(expected);
  });

  it('puts the timeout into the InitConfiguration that is there', () => {
    const init =
      'apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nlocalAPIEndpoint: { bindPort: 7 }\n';
    const [, , , , ...more] = documentsOf(migrate(`${OLD}---\n${init}`, 'old.yaml'));
    expect(more).toEqual([]);
    expect(documentsOf(migrate(`${init}---\n${OLD}`, 'old.yaml'))[0]).toEqual({
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'InitConfiguration',
      localAPIEndpoint: { bindPort: 7 },
      timeouts: { controlPlaneComponentHealthCheck: '6m0s' },
    });
  });

  it('gives a new file back as it is', () => {
    const text = migrate(OLD, 'old.yaml');
    expect(migrate(text, 'new.yaml')).toBe(text);
  });

  it('refuses what is older, and what is no YAML', () => {
    expect(() => migrate('apiVersion: kubeadm.k8s.io/v1beta2\nkind: X\n', 'o.yaml')).toThrow('is older than');
    expect(() => migrate('a: 1\nb: [1', 'o.yaml')).toThrow('o.yaml:2: ');
    const unknown = 'apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nscheduler: *nothing\n';
    expect(() => migrate(unknown, 'o.yaml')).toThrow('o.yaml:3: there is no anchor &nothing');
  });
});
