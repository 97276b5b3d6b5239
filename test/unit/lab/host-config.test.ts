import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseDocuments } from '../../../src/config/documents.ts';
import { hostConfig } from '../../../src/lab/host-config.ts';
import type { Machine } from '../../../src/lab/machine.ts';

const SERVER: Machine = { cgroups: 'v2', capabilities: ['SYS_RESOURCE'], shared: [] };
const SANDBOX: Machine = { cgroups: 'v1', capabilities: ['NET_ADMIN'], shared: [] };

const documents = (text: string): unknown[] => parseAllDocuments(text).map((document) => document.toJS());

describe("a lab host's configuration", () => {
  test('on a server names the component store and nothing else', () => {
    expect(documents(hostConfig(SERVER, true))).toEqual([
      {
        apiVersion: 'kadm.io/v1',
        kind: 'Cluster',
        spec: { components: { source: { kind: 'store', path: '/var/cache/kadm/store' } } },
      },
    ]);
  });

  test('says what cgroup v1 and a missing CAP_SYS_RESOURCE ask for', () => {
    const [cluster, kubelet, proxy] = documents(hostConfig(SANDBOX, true));
    expect(cluster).toMatchObject({ spec: { containerd: { restrictOOMScoreAdj: true } } });
    expect(kubelet).toMatchObject({ kind: 'KubeletConfiguration', failCgroupV1: false, oomScoreAdj: 0 });
    expect(proxy).toMatchObject({
      kind: 'KubeProxyConfiguration',
      conntrack: { maxPerCore: 0 },
      oomScoreAdj: 0,
    });
  });

  test('asks for each only where it is needed', () => {
    expect(hostConfig({ ...SANDBOX, cgroups: 'v2' }, true)).not.toContain('failCgroupV1');
    const allowed = hostConfig({ ...SANDBOX, capabilities: ['SYS_RESOURCE'] }, true);
    expect(allowed).not.toMatch(/conntrack|oomScoreAdj/);
    expect(allowed).toContain('failCgroupV1');
  });

  test.each([
    ['a server', SERVER],
    ['a sandbox', SANDBOX],
  ])('is one that kadm itself accepts, with and without a store, on %s', (_, machine) => {
    expect(() => parseDocuments(hostConfig(machine, true), 'config.yaml')).not.toThrow();
    expect(() => parseDocuments(hostConfig(machine, false), 'config.yaml')).not.toThrow();
  });
});
