import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderStaticPod, type StaticPod } from '../../../src/init/static-pod.ts';
import type { Json } from '../../../src/kube/json-patch.ts';
import type { Patch, PatchTarget } from '../../../src/node/patches.ts';

const POD: StaticPod = {
  name: 'kube-scheduler',
  image: 'registry.example/scheduler:v1',
  args: { 'leader-elect': 'true', 'bind-address': '127.0.0.1' },
  extra: { extraArgs: [], extraVolumes: [], extraEnvs: [] },
  startMs: 240_000,
  probe: { scheme: 'HTTPS', host: '127.0.0.1', port: 10259, startup: '/livez', liveness: '/livez' },
  requests: { cpu: '100m' },
  mounts: [
    { name: 'kubeconfig', path: '/etc/kubernetes/scheduler.conf', type: 'FileOrCreate', readOnly: true },
  ],
};

// biome-ignore lint/suspicious/noExplicitAny: a test looks into parsed YAML
const container = (pod: StaticPod): any => parse(renderStaticPod(pod)).spec.containers[0];

describe('renderStaticPod', () => {
  it('writes the arguments in order', () => {
    expect(container(POD).command).toEqual([
      'kube-scheduler',
      '--bind-address=127.0.0.1',
      '--leader-elect=true',
    ]);
  });

  it('lets an extra argument take the place of the one of its name', () => {
    const extraArgs = [
      { name: 'leader-elect', value: 'false' },
      { name: 'v', value: '4' },
    ];
    expect(container({ ...POD, extra: { ...POD.extra, extraArgs } }).command).toEqual([
      'kube-scheduler',
      '--bind-address=127.0.0.1',
      '--leader-elect=false',
      '--v=4',
    ]);
  });

  it('keeps the order of extra arguments: of service-account-issuer the first one issues', () => {
    const extraArgs = ['https://b', 'https://a'].map((value) => ({ name: 'service-account-issuer', value }));
    expect(container({ ...POD, extra: { ...POD.extra, extraArgs } }).command.slice(-2)).toEqual([
      '--service-account-issuer=https://b',
      '--service-account-issuer=https://a',
    ]);
  });

  it('gives volumes and variables of the configuration, in place of kadm’s of the same name', () => {
    const extra = {
      extraArgs: [],
      extraVolumes: [
        { name: 'audit', hostPath: '/var/log/audit', mountPath: '/audit', pathType: 'Directory' as const },
        { name: 'kubeconfig', hostPath: '/etc/mine.conf', mountPath: '/mine.conf', readOnly: true },
      ],
      extraEnvs: [
        { name: 'GODEBUG', value: 'x=1' },
        { name: 'NODE', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } } },
      ],
    };
    const env = [
      { name: 'GODEBUG', value: 'x=0' },
      { name: 'HTTPS_PROXY', value: 'http://p:3128' },
    ];
    const { spec } = parse(renderStaticPod({ ...POD, extra, env }));
    expect(spec.containers[0].env).toEqual([
      { name: 'GODEBUG', value: 'x=1' },
      { name: 'HTTPS_PROXY', value: 'http://p:3128' },
      { name: 'NODE', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } } },
    ]);
    expect(spec.containers[0].volumeMounts).toEqual([
      { name: 'kubeconfig', mountPath: '/mine.conf', readOnly: true },
      { name: 'audit', mountPath: '/audit', readOnly: false },
    ]);
    expect(spec.volumes).toEqual([
      { name: 'kubeconfig', hostPath: { path: '/etc/mine.conf', type: '' } },
      { name: 'audit', hostPath: { path: '/var/log/audit', type: 'Directory' } },
    ]);
  });

  it('gives the pod as long to start as the configuration does', () => {
    expect(container({ ...POD, startMs: 601_000 }).startupProbe).toMatchObject({
      failureThreshold: 61,
      periodSeconds: 10,
    });
  });

  it('applies the patches of its name and no others', () => {
    const patch = (target: PatchTarget, content: Json): Patch => ({
      file: `${target}.yaml`,
      target,
      type: 'strategic',
      content,
    });
    const { spec, metadata } = parse(
      renderStaticPod(POD, [
        patch('kube-scheduler', {
          spec: { containers: [{ name: 'kube-scheduler', resources: { requests: { cpu: '50m' } } }] },
        }),
        patch('etcd', { metadata: { labels: { mine: 'no' } } }),
      ]),
    );
    expect(spec.containers).toHaveLength(1);
    expect(spec.containers[0].resources.requests).toEqual({ cpu: '50m' });
    expect(spec.containers[0].command).toContain('--leader-elect=true');
    expect(metadata.labels.mine).toBeUndefined();
  });

  it('writes words that YAML 1.1 takes for booleans and numbers so that they stay words', () => {
    const words = ['yes', 'off', 'y', '0123', '1:30'];
    const extraEnvs = words.map((value) => ({ name: `V${value}`, value }));
    const label: Patch = {
      file: 'p',
      target: 'kube-scheduler',
      type: 'merge',
      content: { metadata: { labels: { a: 'no' } } },
    };
    for (const patches of [[], [label]]) {
      const text = renderStaticPod({ ...POD, extra: { ...POD.extra, extraEnvs } }, patches);
      const { spec } = parse(text, { version: '1.1' });
      expect(spec.containers[0].env.map(({ value }: { value: unknown }) => value)).toEqual(words.toSorted());
    }
  });

  it('keeps a value from changing the structure of the document', () => {
    const value = 'x"\n    securityContext: { privileged: true }\n#';
    const made = container({ ...POD, extra: { ...POD.extra, extraArgs: [{ name: 'v', value }] } });
    expect(made.command).toContain(`--v=${value}`);
    expect(made.securityContext).toBeUndefined();
  });

  it('has a readiness probe only where one is asked for', () => {
    expect(container(POD).readinessProbe).toBeUndefined();
    const probe = { ...POD.probe, readiness: '/readyz' };
    expect(container({ ...POD, probe }).readinessProbe.httpGet.path).toBe('/readyz');
  });
});
