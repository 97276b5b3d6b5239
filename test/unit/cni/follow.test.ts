import { describe, expect, it } from 'vitest';
import { nameStep } from '../../../src/cni/apply.ts';
import { desiredNetwork, noClaims } from '../../../src/cni/desired.ts';
import { difference } from '../../../src/cni/diff.ts';
import { followNodes } from '../../../src/cni/follow.ts';
import type { NodeFacts } from '../../../src/cni/node-facts.ts';
import type { Pass } from '../../../src/cni/reconcile.ts';
import { vtepMac } from '../../../src/cni/vtep.ts';
import { dualHost, dualPlan, host, inFamily, inPlace, node, plan, stateOf } from './nodes.ts';

/** What the last look found, with these Nodes and all in place. */
function passWith(nodes: readonly NodeFacts[], facts = host, own = plan): Pass {
  const claims = noClaims();
  const planned = desiredNetwork(nodes, own, facts, claims);
  const found = { steps: [], conflicts: [], blocked: false, warnings: [] };
  return {
    ...planned,
    ...found,
    podCidrs: facts.podCidrs,
    lacking: undefined,
    actual: inPlace(planned.desired),
    facts,
    followed: false,
    claims,
    nodes: byName(nodes),
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

  it('are followed one after the other, each from what was made before', () => {
    const come = followNodes(plan, byName([...others, node(4)]), passWith(others));
    if (come === undefined) throw new Error('not followed');
    expect(come.steps).toHaveLength(3);
    expect(stepsOf(followNodes(plan, come.nodes, come))).toEqual([]);
    const gone = followNodes(plan, byName(others), come);
    expect(stepsOf(gone)).toEqual([
      expect.stringMatching(/^ip route delete 10\.244\.4\.0\/24 /),
      expect.stringMatching(/^ip neigh delete 10\.244\.4\.0 /),
      expect.stringMatching(/^bridge fdb delete /),
    ]);
    expect([come.peers, gone?.peers]).toEqual([3, 2]);
  });

  it('that another program’s route is in the way of do not count as made', () => {
    const before = passWith(others);
    const route = { dst: '10.244.4.0/24', gateway: undefined, device: 'eth0', protocol: 4, metric: 0 };
    const state = stateOf(inFamily(before.desired, 4));
    const networks = new Map([[4 as const, { ...state, routes: [...state.routes, route] }]]);
    const taken = { ...before, actual: { ...before.actual, networks } };
    const come = followNodes(plan, byName([...others, node(4)]), taken);
    expect(come?.conflicts).toHaveLength(1);
    expect(stepsOf(come)?.join()).not.toContain('route');
    expect(followNodes(plan, byName([...others, node(4), node(5)]), come ?? before)?.conflicts).toHaveLength(
      1,
    );
  });

  it('touch their entries in each family', () => {
    const dual = [1, 2, 3].map((index) => node(index, { dual: true }));
    const next = followNodes(dualPlan, byName(dual), passWith(dual.slice(0, 2), dualHost, dualPlan));
    expect(stepsOf(next)).toEqual([
      expect.stringMatching(/^ip neigh replace 10\.244\.3\.0 /),
      expect.stringMatching(/^bridge fdb replace \S+ dev flannel\.1 dst 192\.168\.1\.3 /),
      expect.stringMatching(/^ip route replace 10\.244\.3\.0\/24 /),
      expect.stringMatching(/^ip neigh replace fd00:10:244:3:: /),
      expect.stringMatching(/^bridge fdb replace \S+ dev flannel-v6\.1 dst fd77::3 /),
      expect.stringMatching(/^ip route replace fd00:10:244:3::\/128 /),
      expect.stringMatching(/^ip route replace fd00:10:244:3::\/64 /),
    ]);
  });

  it.each<[string, NodeFacts[]]>([
    ['a Node comes', [node(4)]],
    ['one goes', []],
    ['one claims the CIDR of an older one', [node(4, { podCidr: '10.244.2.0/24' })]],
    ['one claims a CIDR that holds others', [node(4, { podCidr: '10.244.0.0/17' })]],
    ['one claims the MAC address of another', [node(4, { mac: vtepMac('n2', 4) })]],
    ['one claims the address of another', [node(4, { publicIp: '192.168.1.2' })]],
    [
      'one claims what an older one reports',
      [node(4, { publicIp: '192.168.1.3', internalIp: '192.168.1.4' })],
    ],
    ['one that is older takes the CIDR of another', [node(4, { podCidr: '10.244.2.0/24', day: 0 })]],
    ['many come', Array.from({ length: 40 }, (_, index) => node(index + 4))],
    ['one tells nonsense', [node(4, { backendData: '{' })]],
    ['one goes to host-gw', [node(4, { backendType: 'host-gw', backendData: 'null' })]],
  ])('ask for what all Nodes together ask for: %s', (_, more) => {
    for (const before of [others, [...others, node(5)]]) {
      const now = [...others, ...more];
      const followed = followNodes(plan, byName(now), passWith(before));
      const { desired, refusals, peers } = desiredNetwork(now, plan, host);
      expect(followed?.desired).toEqual(desired);
      expect(followed?.refusals).toEqual(refusals);
      expect(followed?.peers).toBe(peers);
      const steps = difference(desired, inPlace(passWith(before).desired)).steps;
      expect(stepsOf(followed)?.sort()).toEqual(steps.map(nameStep).sort());
    }
  });

  it('are not followed where they ask for more than entries', () => {
    const direct = { ...plan, backend: 'host-gw' } as const;
    const tunnelled = passWith(others);
    const hostGw = [2, 3].map((index) => node(index, { backendType: 'host-gw', backendData: 'null' }));
    // The last peer that needs the tunnel goes, and the tunnel with it.
    expect(followNodes(direct, byName([node(1), ...hostGw]), tunnelled)).toBeUndefined();
  });
});
