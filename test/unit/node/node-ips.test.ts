import { describe, expect, it } from 'vitest';
import { withOtherFamily } from '../../../src/node/node-ips.ts';

/** As `ip -json address show` prints it. */
function links(...own: object[]): string {
  const inet = { family: 'inet', local: '10.0.0.1', scope: 'global' };
  return JSON.stringify([
    { ifname: 'lo', addr_info: [{ family: 'inet6', local: '::1', scope: 'host' }] },
    { ifname: 'eth0', addr_info: [inet, { family: 'inet6', local: 'fe80::1', scope: 'link' }, ...own] },
    { ifname: 'eth1', addr_info: [{ family: 'inet6', local: 'fd99::1', scope: 'global' }] },
  ]);
}

const STABLE = { family: 'inet6', local: 'fd77::1', scope: 'global' };

describe('the addresses of a node of both families', () => {
  it('are the one that is known and the first lasting one of its interface, in the cluster’s order', () => {
    const passing = [
      { ...STABLE, local: 'fd77::a', temporary: true },
      { ...STABLE, local: 'fd77::b', deprecated: true },
    ];
    const json = links(...passing, STABLE, { ...STABLE, local: 'fd77::2' });
    expect(withOtherFamily(json, '10.0.0.1', [4, 6])).toBe('10.0.0.1,fd77::1');
    expect(withOtherFamily(json, '10.0.0.1', [6, 4])).toBe('fd77::1,10.0.0.1');
    expect(withOtherFamily(json, 'fd77::1', [4, 6])).toBe('10.0.0.1,fd77::1');
  });

  it('are asked for where the interface has none, whatever others have', () => {
    expect(() => withOtherFamily(links(), '10.0.0.1', [4, 6])).toThrow(
      expect.objectContaining({
        message: 'the cluster has IPv4 and IPv6, and eth0, which has 10.0.0.1, has no IPv6 address',
        exitCode: 3,
      }),
    );
    expect(() => withOtherFamily(links(), '10.0.0.9', [4, 6])).toThrow('no interface has 10.0.0.9');
  });
});
