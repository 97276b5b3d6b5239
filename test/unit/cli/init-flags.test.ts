import { expect, test, vi } from 'vitest';
import { program } from '../../../src/cli/program.ts';

test('flags after `init phase NAME` are those of the phase, not of init', async () => {
  // The build puts it in.
  vi.stubGlobal('KADM_VERSION', '0.0.0');
  const kadm = program();
  const init = kadm.commands.find((command) => command.name() === 'init');
  const phase = init?.commands.find((command) => command.name() === 'phase');
  phase?.action(() => {});
  await kadm.parseAsync(['init', 'phase', 'addon', 'coredns', '--dry-run'], { from: 'user' });
  expect(phase?.opts()).toMatchObject({ dryRun: true });
  expect(phase?.args).toEqual(['addon', 'coredns']);
  expect(init?.opts()).not.toHaveProperty('dryRun');
});
