import { describe, expect, test } from 'vitest';
import { isLabCommand } from '../../../src/lab/processes.ts';

describe('processes that a lab runs on the machine', () => {
  const RUNC = ['runc', '--root', '/run/kadm-lab/runc'];

  test.each([
    [
      'its supervisor',
      ['/bin/sh', '/var/lib/kadm-lab/demo/supervisor', '/run/kadm-lab/runc', 'kadm-demo-h1'],
    ],
    ['the runc of a host', [...RUNC, 'run', '--bundle', '/x', 'kadm-demo-h1']],
    ['a program run in a host', [...RUNC, 'exec', '--cwd', '/root', 'kadm-demo-h2', 'sleep', '9']],
  ])('%s is one', (_, argv) => {
    expect(isLabCommand('demo', argv)).toBe(true);
  });

  test.each([
    ['an editor with a file of the lab', ['vi', '/var/lib/kadm-lab/demo/supervisor']],
    ['the runc of another lab', [...RUNC, 'run', '--bundle', '/x', 'kadm-demo-two-h1']],
    ['the runc of somebody else', ['runc', '--root', '/run/containers', 'exec', 'kadm-demo-h1', 'sh']],
    ['a program of another lab about this one', [...RUNC, 'exec', 'kadm-two-h1', 'echo', 'kadm-demo-h1']],
    ['a kernel thread', []],
  ])('%s is none', (_, argv) => {
    expect(isLabCommand('demo', argv)).toBe(false);
  });
});
