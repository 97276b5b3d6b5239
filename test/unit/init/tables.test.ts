import { describe, expect, it } from 'vitest';
import { initPhases } from '../../../src/init/index.ts';
import { joinPhases, preparedJoinPhases } from '../../../src/join/index.ts';
import { checkTable } from '../../../src/phases/runner.ts';
import { resetPhases } from '../../../src/reset/index.ts';

describe('the tables of phases', () => {
  it('can all be run to their end', () => {
    checkTable(initPhases);
    checkTable(joinPhases);
    checkTable(preparedJoinPhases);
    checkTable(resetPhases);
  });

  it('change nothing on a worker before the cluster has been verified', () => {
    for (const phase of joinPhases) {
      if (phase.id === 'preflight' || phase.id === 'discovery') continue;
      expect(phase.needs).not.toContain('preflight');
    }
  });

  it('make the Node only when the control plane runs: without its capacity the kubelet admits no pod', () => {
    const needs = new Map(initPhases.map((phase) => [phase.id, phase.needs]));
    const needed = (id: string): string[] => (needs.get(id) ?? []).flatMap((one) => [one, ...needed(one)]);
    expect(needed('mark-control-plane')).toEqual(
      expect.arrayContaining(['wait-control-plane', 'controller-manager', 'scheduler']),
    );
  });
});
