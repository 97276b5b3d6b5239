import { expect, test, vi } from 'vitest';
import { program } from '../../../src/cli/program.ts';

test.each(['init', 'join', 'reset'])('flags after `%s phase NAME` are those of the phase', async (verb) => {
  // The build puts it in.
  vi.stubGlobal('KADM_VERSION', '0.0.0');
  const kadm = program();
  const whole = kadm.commands.find((command) => command.name() === verb);
  const phase = whole?.commands.find((command) => command.name() === 'phase');
  phase?.action(() => {});
  await kadm.parseAsync([verb, 'phase', 'addon', 'coredns', '--dry-run'], { from: 'user' });
  expect(phase?.opts()).toMatchObject({ dryRun: true });
  expect(phase?.args).toEqual(['addon', 'coredns']);
  expect(whole?.opts()).not.toHaveProperty('dryRun');
});
