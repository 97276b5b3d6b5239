import { describe, expect, it } from 'vitest';
import { Claims, othersThan, refuseTaken } from '../../../src/fleet/claims.ts';
import type { ClusterNode } from '../../../src/fleet/nodes.ts';
import type { HostState } from '../../../src/ssh/host-state.ts';

const state = (given: Partial<HostState> = {}): HostState => ({
  hostname: 'h',
  machineId: undefined,
  productUuid: undefined,
  clockOffsetMs: 0,
  completed: undefined,
  begun: false,
  busy: undefined,
  node: undefined,
  ...given,
});
const node = (given: Partial<ClusterNode>): ClusterNode => ({
  name: 'n',
  addresses: [],
  master: false,
  ...given,
});

describe('the hosts of one run', () => {
  it('have each its own name and address', () => {
    const claims = new Claims();
    claims.take('a', 'web', '10.0.0.1');
    claims.take('a', 'web', '10.0.0.1');
    expect(() => claims.take('b', 'web')).toThrow('b: its node name would be web, which is that of a');
    expect(() => claims.take('b', 'db', '10.0.0.1')).toThrow(
      'b: its node IP would be 10.0.0.1, which is that of a; nothing was changed',
    );
  });

  it('are told of as copies by machine-id and product UUID', () => {
    const claims = new Claims();
    expect(claims.oddities('a', state({ machineId: '1', productUuid: 'AB' }), [])).toEqual([]);
    expect(claims.oddities('b', state({ machineId: '2', productUuid: 'ab' }), [])).toEqual([
      expect.stringContaining('it has the product UUID of a'),
    ]);
    expect(claims.oddities('c', state({ machineId: '2' }), [])).toEqual([
      expect.stringContaining('it has the machine-id of b'),
    ]);
    expect(claims.oddities('d', state(), [])).toEqual([]);
  });

  it('are told of when their clock is off by more than half a minute', () => {
    const told = (clockOffsetMs: number): string[] =>
      new Claims().oddities('a', state({ clockOffsetMs }), []);
    expect(told(30_400)).toEqual([]);
    expect(told(-31_000)).toEqual([expect.stringMatching(/^its clock is 31 s behind/)]);
  });
});

describe('the nodes of a cluster', () => {
  const nodes = [node({ name: 'web', addresses: ['10.0.0.1'], machineId: '1', systemUuid: 'AB' })];

  it('keep their names and addresses', () => {
    expect(() => refuseTaken(nodes, 'h', 'web', undefined)).toThrow('h: the cluster has a node web already');
    expect(() => refuseTaken(nodes, 'h', 'db', '10.0.0.1')).toThrow(
      'h: its node IP would be 10.0.0.1, which is that of node web; nothing was changed',
    );
    expect(() => refuseTaken(nodes, 'h', 'db', '10.0.0.2')).not.toThrow();
  });

  it('are told of when a host is a copy of one', () => {
    expect(new Claims().oddities('h', state({ machineId: '2', productUuid: 'ab' }), nodes)).toEqual([
      expect.stringContaining('it has the product UUID of node web'),
    ]);
  });

  it('do not stand in the way of the machine that they were', () => {
    expect(othersThan(nodes, 'web', state({ machineId: '1' }))).toEqual([]);
    expect(othersThan(nodes, 'web', state({ machineId: '2' }))).toEqual(nodes);
    expect(othersThan(nodes, 'db', state({ machineId: '1' }))).toEqual(nodes);
    expect(othersThan([node({ name: 'web' })], 'web', state())).toHaveLength(1);
  });
});
