import { describe, expect, it } from 'vitest';
import { initPhases } from '../../../src/init/index.ts';
import { joinPhases } from '../../../src/join/index.ts';
import { checkTable } from '../../../src/phases/runner.ts';
import { resetPhases } from '../../../src/reset/index.ts';

describe('the tables of phases', () => {
  it('can all be run to their end', () => {
    checkTable(initPhases);
    checkTable(joinPhases);
    checkTable(resetPhases);
  });

  it('change nothing on a worker before the cluster has been verified', () => {
    for (const phase of joinPhases) {
      if (phase.id === 'preflight' || phase.id === 'discovery') continue;
      expect(phase.needs).not.toContain('preflight');
    }
  });
});
