import { describe, expect, it } from 'vitest';
import type { FleetHost } from '../../../src/fleet/fleet-host.ts';
import { removedNodes } from '../../../src/fleet/prune.ts';
import { parseTarget } from '../../../src/ssh/target.ts';

const node = (name: string, address: string, master = false) => ({ name, addresses: [address], master });
const host = (address: string): FleetHost => ({
  entry: { address },
  target: parseTarget(address, { sshConfig: '', home: '/root', env: {} }),
  local: false,
});

describe('nodes that the file does not name', () => {
  const all = [
    node('m', '10.0.0.1', true),
    node('a', '10.0.0.2'),
    node('b', '10.0.0.3'),
    node('c', '10.0.0.4'),
  ];

  it('are those that no host is, by what it told or by its address', () => {
    expect(removedNodes(all, ['a'], [host('h2'), host('10.0.0.3')]).map(({ name }) => name)).toEqual(['c']);
  });

  it('never hold a control plane', () => {
    expect(removedNodes(all, [], []).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });
});
