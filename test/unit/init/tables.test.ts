import { describe, expect, it } from 'vitest';
import { adoptPhases } from '../../../src/adopt/index.ts';
import { initPhases } from '../../../src/init/index.ts';
import {
  controlPlaneJoinPhases,
  joinPhases,
  preparedControlPlaneJoinPhases,
  preparedJoinPhases,
} from '../../../src/join/index.ts';
import { checkTable } from '../../../src/phases/runner.ts';
import { resetPhases } from '../../../src/reset/index.ts';

describe('the tables of phases', () => {
  it('can all be run to their end', () => {
    checkTable(initPhases);
    checkTable(joinPhases);
    checkTable(preparedJoinPhases);
    checkTable(controlPlaneJoinPhases);
    checkTable(preparedControlPlaneJoinPhases);
    checkTable(resetPhases);
    checkTable(adoptPhases);
  });

  it('change nothing on a host that joins before the cluster has been verified', () => {
    for (const phase of [...joinPhases, ...controlPlaneJoinPhases]) {
      if (phase.id === 'preflight' || phase.id === 'discovery') continue;
      expect(phase.needs).not.toContain('preflight');
    }
  });

  it('change nothing on a node that is adopted before the ledger knows who made it', () => {
    const early = adoptPhases.filter(({ needs }) => !needs.includes('take-over')).map(({ id }) => id);
    expect(early).toEqual(['preflight', 'read-node', 'take-over', 'network', 'wait-node-ready']);
  });

  it('touch etcd only while no other host does, and write no API server before etcd serves it', () => {
    const needs = new Map(controlPlaneJoinPhases.map((phase) => [phase.id, phase.needs]));
    expect(needs.get('etcd')).toEqual(['control-plane-lock']);
    expect(needs.get('apiserver')).toEqual(['etcd-join']);
  });

  it('make the Node only when the control plane runs: without its capacity the kubelet admits no pod', () => {
    const needs = new Map(initPhases.map((phase) => [phase.id, phase.needs]));
    const needed = (id: string): string[] => (needs.get(id) ?? []).flatMap((one) => [one, ...needed(one)]);
    expect(needed('mark-control-plane')).toEqual(
      expect.arrayContaining(['wait-control-plane', 'controller-manager', 'scheduler']),
    );
  });
});
