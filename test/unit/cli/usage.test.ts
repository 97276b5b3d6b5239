import { CommanderError } from 'commander';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { checkUpload } from '../../../src/cli/init.ts';
import { program } from '../../../src/cli/program.ts';

let printed = '';

beforeEach(() => {
  // The build puts it in.
  vi.stubGlobal('KADM_VERSION', '0.0.0');
  printed = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

test.each([
  [['nothing'], "unknown command 'nothing'", 'kadm'],
  [['tokens', 'list'], "unknown command 'tokens' (did you mean token?)", 'kadm'],
  [['config', 'pull'], "unknown command 'pull'", 'kadm config'],
  [['config', 'migrate'], "required option '--old-config <file>' not specified", 'kadm config migrate'],
  [['token', 'delete'], "missing required argument 'ids'", 'kadm token delete'],
  [['init', '--foo'], "unknown option '--foo'", 'kadm init'],
  [['init', 'now'], "too many arguments for 'init'. Expected 0 arguments but got 1.", 'kadm init'],
  [
    ['kubeconfig', 'user', '--client-name', 'jane', '--token', 'abc', '--org', 'x'],
    "option '--token <token>' cannot be used with option '--org <names>'",
    'kadm kubeconfig user',
  ],
])('a mistake is a line, and where to look another: %j', async (words, line, command) => {
  await expect(program().parseAsync(words, { from: 'user' })).rejects.toBeInstanceOf(CommanderError);
  expect(printed).toBe(`kadm: ${line}\n      \`${command} --help\` shows what there is\n`);
});

test('an upload that is asked for is not to be skipped', () => {
  expect(() => checkUpload(true, ['upload-certs'])).toThrow(expect.objectContaining({ exitCode: 2 }));
  expect(() => checkUpload(true, ['addon'])).not.toThrow();
  expect(() => checkUpload(false, ['upload-certs'])).not.toThrow();
});
