import { describe, expect, it } from 'vitest';
import { leaseOf } from '../../../src/kube/control-plane-lock.ts';

const NOW = new Date('2026-11-21T12:00:00.500Z');

describe('the lease of the control plane', () => {
  it('is held from now on by who takes it, by the version that was seen', () => {
    const first = leaseOf('h1 (10.0.0.1)', NOW, undefined);
    expect(first.metadata).toEqual({ name: 'kadm-control-plane', namespace: 'kube-system' });
    const seen = { ...first, metadata: { ...first.metadata, resourceVersion: '7' } };
    const taken = leaseOf('h2 (10.0.0.2)', NOW, seen);
    expect(taken.metadata.resourceVersion).toBe('7');
    expect(taken.spec).toEqual({
      holderIdentity: 'h2 (10.0.0.2)',
      leaseDurationSeconds: 30,
      acquireTime: '2026-11-21T12:00:00.500000Z',
      renewTime: '2026-11-21T12:00:00.500000Z',
    });
  });

  it('keeps the time since when it is held as long as the same host renews it', () => {
    const later = new Date('2026-11-21T12:00:10Z');
    const { spec } = leaseOf('h1', later, leaseOf('h1', NOW, undefined));
    expect(spec.acquireTime).toBe('2026-11-21T12:00:00.500000Z');
    expect(spec.renewTime).toBe('2026-11-21T12:00:10.000000Z');
  });
});
