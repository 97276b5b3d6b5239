import { describe, expect, it } from 'vitest';
import { nameStep } from '../../../src/cni/apply.ts';
import { desiredNetwork } from '../../../src/cni/desired.ts';
import { applyFollowed, followNodes } from '../../../src/cni/follow.ts';
import type { NodeFacts } from '../../../src/cni/node-facts.ts';
import type { Pass } from '../../../src/cni/reconcile.ts';
import type { Host } from '../../../src/host/host.ts';
import { host, inPlace, node, plan } from './nodes.ts';

/** What the last look found, with these Nodes and all in place. */
function passWith(nodes: readonly NodeFacts[]): Pass {
  const claims = new WeakMap();
  const planned = desiredNetwork(nodes, plan, host, claims);
  const found = { steps: [], conflicts: [], blocked: false, warnings: [] };
  return {
    ...planned,
    ...found,
    podCidr: host.podCidr,
    actual: inPlace(planned.desired),
    facts: host,
    claims,
  };
}

function byName(nodes: readonly NodeFacts[]): Map<string, NodeFacts> {
  return new Map(nodes.map((one) => [one.name, one]));
}

function stepsOf(pass: Pass | undefined): string[] | undefined {
  return pass?.steps.map(nameStep);
}

const others = [node(1), node(2), node(3)];

describe('changed Nodes', () => {
  it('touch the entries of just these', () => {
    const moved = node(3, { publicIp: '192.168.1.33', internalIp: '192.168.1.33' });
    const next = followNodes(plan, byName([node(1), node(2), moved, node(4)]), passWith(others));
    expect(stepsOf(next)).toEqual([
      expect.stringMatching(/^ip neigh replace 10\.244\.4\.0 /),
      expect.stringMatching(/^bridge fdb replace \S+ dev flannel\.1 dst 192\.168\.1\.33 /),
      expect.stringMatching(/^bridge fdb replace \S+ dev flannel\.1 dst 192\.168\.1\.4 /),
      expect.stringMatching(/^ip route replace 10\.244\.4\.0\/24 /),
    ]);
  });

  it('are followed one after the other, each from what was made before', async () => {
    const ran: string[][] = [];
    const kernel = { run: async (argv: string[]) => void ran.push(argv) } as unknown as Host;
    const come = followNodes(plan, byName([...others, node(4)]), passWith(others));
    if (come === undefined) throw new Error('not followed');
    const made = await applyFollowed(kernel, come);
    expect(ran.map(([tool]) => tool)).toEqual(['ip', 'bridge', 'ip']);
    expect(stepsOf(followNodes(plan, byName([...others, node(4)]), made))).toEqual([]);
    expect(stepsOf(followNodes(plan, byName(others), made))).toEqual([
      expect.stringMatching(/^ip route delete 10\.244\.4\.0\/24 /),
      expect.stringMatching(/^ip neigh delete 10\.244\.4\.0 /),
      expect.stringMatching(/^bridge fdb delete /),
    ]);
  });

  it('that another program’s route is in the way of do not count as made', async () => {
    const before = passWith(others);
    const route = { dst: '10.244.4.0/24', gateway: undefined, device: 'eth0', protocol: 4, metric: 0 };
    const taken = { ...before, actual: { ...before.actual, routes: [...before.actual.routes, route] } };
    const come = followNodes(plan, byName([...others, node(4)]), taken);
    expect(come?.conflicts).toHaveLength(1);
    const made = come && (await applyFollowed({ run: async () => {} } as unknown as Host, come));
    expect(made?.actual.routes.filter(({ dst }) => dst === route.dst)).toEqual([route]);
  });

  it('are not followed where they ask for more than entries', () => {
    const direct = { ...plan, backend: 'host-gw' } as const;
    const tunnelled = passWith(others);
    const hostGw = [2, 3].map((index) => node(index, { backendType: 'host-gw', backendData: 'null' }));
    // The last peer that needs the tunnel goes, and the tunnel with it.
    expect(followNodes(direct, byName([node(1), ...hostGw]), tunnelled)).toBeUndefined();
  });
});
