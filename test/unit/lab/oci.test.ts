import { describe, expect, test } from 'vitest';
import { boundingSet } from '../../../src/lab/capabilities.ts';
import type { Machine } from '../../../src/lab/machine.ts';
import { ociConfig } from '../../../src/lab/oci.ts';

interface Config {
  process: { args: string[]; env: string[]; capabilities: Record<string, string[]>; rlimits?: unknown };
  hostname: string;
  mounts: { destination: string; source: string; options: string[] }[];
  linux: { cgroupsPath: string; namespaces: { type: string; path?: string }[]; maskedPaths?: unknown };
}

const FULL: Machine = {
  cgroups: 'v2',
  capabilities: boundingSet('CapBnd:\t000001ffffffffff\n'),
  shared: ['/dev/kmsg', '/lib/modules'],
};

const config = (machine: Machine, store?: string): Config =>
  ociConfig({ lab: 'demo', host: 'h2', ...(store === undefined ? {} : { store }) }, machine) as Config;

describe('the container that a host is', () => {
  test('has a network namespace made beforehand, and all other namespaces of its own', () => {
    const { linux, hostname } = config(FULL);
    expect(linux.namespaces).toContainEqual({ type: 'network', path: '/run/netns/kadm-demo-h2' });
    expect(linux.namespaces.map(({ type }) => type).sort()).toEqual(
      ['cgroup', 'ipc', 'mount', 'network', 'pid', 'uts'].sort(),
    );
    expect(hostname).toBe('h2');
  });

  test("keeps to the lab's own cgroups", () => {
    expect(config(FULL).linux.cgroupsPath).toBe('/kadm-lab/demo/h2');
  });

  test('has what root has on the machine, but cannot set the clock that all share', () => {
    const { bounding } = config(FULL).process.capabilities;
    expect(bounding).toContain('CAP_SYS_RESOURCE');
    expect(bounding).not.toContain('CAP_SYS_TIME');
    expect(bounding).toHaveLength(40);
  });

  test('asks for nothing that the machine lacks', () => {
    const lacking = { ...FULL, capabilities: boundingSet('CapBnd:\t000001fffeffffff\n') };
    const { capabilities, rlimits } = config(lacking).process;
    expect(Object.values(capabilities).flat()).not.toContain('CAP_SYS_RESOURCE');
    expect(rlimits).toBeUndefined();
    expect(config({ ...FULL, shared: [] }).mounts.map((mount) => mount.destination)).not.toContain(
      '/dev/kmsg',
    );
  });

  test('tells systemd to accept cgroup v1 only where the machine has it, and nobody but systemd', () => {
    const words = (machine: Machine): string => config(machine).process.args.join(' ');
    expect(words(FULL)).not.toContain('CGROUP');
    expect(words({ ...FULL, cgroups: 'v1' })).toContain('SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1');
    expect(config({ ...FULL, cgroups: 'v1' }).process.env.join()).not.toContain('SYSTEMD');
  });

  test('has real folders where overlays cannot be stacked', () => {
    const sources = new Map(config(FULL).mounts.map((mount) => [mount.destination, mount.source]));
    expect(sources.get('/var/lib/containerd')).toBe('/var/lib/kadm-lab/demo/h2/volumes/var-lib-containerd');
    expect(sources.has('/var/lib/kubelet') && sources.has('/var/lib/etcd')).toBe(true);
  });

  test("sees the machine's component store, read-only", () => {
    const store = config(FULL, '/cache/store').mounts.find((mount) => mount.source === '/cache/store');
    expect(store?.destination).toBe('/var/cache/kadm/store');
    expect(store?.options).toContain('ro');
  });
});

describe('the capabilities of a process', () => {
  test('come from the bounding set', () => {
    expect(boundingSet('Name:\tx\nCapBnd:\t0000000000000401\nCapAmb:\t0000000000000000\n')).toEqual([
      'CHOWN',
      'NET_BIND_SERVICE',
    ]);
  });

  test('of a kernel newer than kadm are those that kadm knows', () => {
    expect(boundingSet('CapBnd:\tffffffffffffffff\n')).toHaveLength(41);
  });
});
