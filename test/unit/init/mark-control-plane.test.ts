import { describe, expect, it } from 'vitest';
import { CONTROL_PLANE_LABEL, nodeLabels, withTaints } from '../../../src/init/mark-control-plane.ts';

const OURS = { key: CONTROL_PLANE_LABEL, effect: 'NoSchedule' };
const NOT_READY = {
  key: 'node.kubernetes.io/not-ready',
  effect: 'NoSchedule',
  timeAdded: '2026-11-21T00:00:00Z',
};

describe('withTaints', () => {
  it('keeps the taints of others, whole', () => {
    expect(withTaints([NOT_READY], [OURS])).toEqual([NOT_READY, OURS]);
  });

  it('adds those that are wanted once', () => {
    expect(withTaints([OURS, NOT_READY], [OURS])).toEqual([OURS, NOT_READY]);
  });
});

describe('nodeLabels', () => {
  it('are those that the kubelet is told to register with', () => {
    const args = [
      { name: 'v', value: '3' },
      { name: 'node-labels', value: 'a=1,b.example.org/c=' },
      { name: 'node-labels', value: 'd=4' },
    ];
    expect(nodeLabels(args)).toEqual({ a: '1', 'b.example.org/c': '', d: '4' });
    expect(nodeLabels([])).toEqual({});
  });
});
