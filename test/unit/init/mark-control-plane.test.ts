import { describe, expect, it } from 'vitest';
import { CONTROL_PLANE_LABEL, withControlPlaneTaint } from '../../../src/init/mark-control-plane.ts';

const OURS = { key: CONTROL_PLANE_LABEL, effect: 'NoSchedule' };
const NOT_READY = {
  key: 'node.kubernetes.io/not-ready',
  effect: 'NoSchedule',
  timeAdded: '2026-11-21T00:00:00Z',
};

describe('withControlPlaneTaint', () => {
  it('keeps the taints of others, whole', () => {
    expect(withControlPlaneTaint([NOT_READY])).toEqual([NOT_READY, OURS]);
  });

  it('adds its own once', () => {
    expect(withControlPlaneTaint([OURS, NOT_READY])).toEqual([OURS, NOT_READY]);
  });
});
