import { expect, test } from 'vitest';
import { likelyCause } from '../../../src/node/diagnose.ts';

test.each<[string, string, string]>([
  ['an unknown argument', 'Error: unknown flag: --no-such-flag', 'it knows no argument --no-such-flag'],
  [
    'an argument with a wrong value',
    'Error: invalid argument "soon" for "--request-timeout" flag: parse error',
    '"soon" is no value for --request-timeout',
  ],
  [
    'a full disk',
    '{"level":"fatal","msg":"failed to write","error":"write /var/lib/etcd/member/wal/0.tmp: no space left on device"}',
    'a disk is full',
  ],
  [
    'a port taken after the checks',
    'failed to create listener: failed to listen on 0.0.0.0:6443: listen tcp 0.0.0.0:6443: bind: address already in use',
    'port 6443 is taken',
  ],
  [
    'an image that cannot be had',
    'E1121 kuberuntime_image.go:42] "Failed to pull image" err="failed to pull and unpack image \\"registry.example/etcd:9\\": failed to resolve image: registry.example/etcd:9: not found" image="registry.example/etcd:9"',
    'cannot be had',
  ],
  [
    'a runtime without its CRI',
    'validate CRI v1 runtime API for endpoint "unix:///run/containerd/containerd.sock": rpc error: code = Unimplemented desc = unknown service runtime.v1.RuntimeService',
    'containerd runs without its CRI',
  ],
  [
    'two cgroup drivers',
    'runc create failed: expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "/kubepods/x" instead',
    'systemctl restart kubelet',
  ],
  [
    'a clock that is off by a day',
    'desc = "transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-20T10:00:00Z is before 2026-11-21T09:55:00Z"',
    'a certificate is not valid before 2026-11-21T09:55:00Z, and the clock of this host says 2026-11-20T10:00:00Z',
  ],
  [
    'an old certificate',
    'err="x509: certificate has expired or is not yet valid: current time 2026-11-20T10:00:00Z is after 2025-11-21T09:55:00Z"',
    'a certificate expired at 2025-11-21T09:55:00Z, and the clock',
  ],
])('%s', (_, log, cause) => expect(likelyCause(`a line before\n${log}\nand one after`)).toContain(cause));

test('a log without any of these has no likely cause', () => {
  expect(
    likelyCause('I1121 10:00:00 server.go:1] starting\nI1121 10:00:01 server.go:2] listening'),
  ).toBeUndefined();
});

test('of several causes the last counts: what was said before may be of an earlier run', () => {
  const earlier = 'write /var/lib/etcd/member/wal/0.tmp: no space left on device';
  const last = 'rpc error: code = Unimplemented desc = unknown service runtime.v1.RuntimeService';
  expect(likelyCause(`${earlier}\n${last}`)).toContain('containerd runs without its CRI');
  expect(likelyCause(`${last}\n${earlier}`)).toContain('a disk is full');
});
