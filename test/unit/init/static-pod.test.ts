import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderStaticPod, type StaticPod } from '../../../src/init/static-pod.ts';

const POD: StaticPod = {
  name: 'kube-scheduler',
  image: 'registry.example/scheduler:v1',
  args: { 'leader-elect': 'true', 'bind-address': '127.0.0.1' },
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
    expect(container({ ...POD, extraArgs }).command).toEqual([
      'kube-scheduler',
      '--bind-address=127.0.0.1',
      '--leader-elect=false',
      '--v=4',
    ]);
  });

  it('keeps a value from changing the structure of the document', () => {
    const value = 'x"\n    securityContext: { privileged: true }\n#';
    const made = container({ ...POD, extraArgs: [{ name: 'v', value }] });
    expect(made.command).toContain(`--v=${value}`);
    expect(made.securityContext).toBeUndefined();
  });

  it('has a readiness probe only where one is asked for', () => {
    expect(container(POD).readinessProbe).toBeUndefined();
    const probe = { ...POD.probe, readiness: '/readyz' };
    expect(container({ ...POD, probe }).readinessProbe.httpGet.path).toBe('/readyz');
  });
});
