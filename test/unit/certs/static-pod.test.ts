import { expect, test } from 'vitest';
import { probeOf } from '../../../src/certs/static-pod.ts';
import { renderStaticPod } from '../../../src/init/static-pod.ts';

const POD = {
  name: 'kube-scheduler',
  image: 'registry.k8s.io/kube-scheduler:v1.36.3',
  args: {},
  requests: { cpu: '100m' },
  mounts: [],
  extra: { extraArgs: [], extraVolumes: [], extraEnvs: [] },
  startMs: 240_000,
} as const;
const PROBE = {
  scheme: 'HTTPS',
  host: '127.0.0.1',
  port: 10259,
  startup: '/livez',
  liveness: '/livez',
} as const;

test('a static pod is asked what its manifest says: readiness first', () => {
  const manifest = renderStaticPod({ ...POD, probe: { ...PROBE, readiness: '/readyz' } });
  expect(probeOf(manifest)).toEqual({ scheme: 'HTTPS', host: '127.0.0.1', port: 10259, path: '/readyz' });
});

test('else liveness, also by a port without a name', () => {
  const manifest = renderStaticPod({ ...POD, probe: PROBE }).replaceAll('port: probe-port', 'port: 10259');
  expect(probeOf(manifest)).toEqual({ scheme: 'HTTPS', host: '127.0.0.1', port: 10259, path: '/livez' });
});

test('nothing is asked of a pod without probes', () => {
  expect(probeOf('spec: { containers: [{ name: etcd }] }')).toBeUndefined();
});
