import { afterEach, describe, expect, it } from 'vitest';
import { EntryTools } from '../../../src/agent/entry-tools.ts';
import { CommandError } from '../../../src/host/command.ts';

// Nothing is changed: what is asked for is only looked at, or is not there.
const GOOD = 'link show dev lo\n';
const BAD = 'link show dev kadm-none\n';
const argv = ['ip', '-force', '-batch', '-'];

const tools = new EntryTools();
afterEach(() => tools.end());

describe('a tool in batch mode that stays', () => {
  it('does one batch after the other', async () => {
    for (const input of [GOOD, GOOD + GOOD, GOOD]) await tools.run({ argv, input });
  });

  it('tells what failed of a batch, and of no other', async () => {
    await tools.run({ argv, input: GOOD });
    const failed = tools.run({ argv, input: GOOD + BAD + GOOD });
    await expect(failed).rejects.toThrow(/"kadm-none" does not exist[\s\S]*Command failed -:4$/);
    await expect(failed).rejects.not.toThrow('kadm-end');
    await tools.run({ argv, input: GOOD });
  });

  it('is started again after it was ended', async () => {
    await tools.run({ argv, input: GOOD });
    tools.end();
    await tools.run({ argv, input: GOOD });
  });

  it.each([
    ['that ends', ['true']],
    ['that is not there', ['kadm-no-such-program']],
  ])('fails as one %s', async (_, words) => {
    await expect(tools.run({ argv: words, input: GOOD })).rejects.toThrow(CommandError);
  });
});
