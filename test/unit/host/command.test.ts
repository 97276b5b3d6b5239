import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { CommandError, runCommand } from '../../../src/host/command.ts';

const sh = (script: string): string[] => ['sh', '-c', script];

describe('a command', () => {
  it('gives what it says, and its exit code', async () => {
    expect(await runCommand(sh('echo out; echo error >&2'))).toEqual({
      stdout: 'out\n',
      stderr: 'error\n',
      exitCode: 0,
    });
    expect(await runCommand(sh('exit 3'), { allowFailure: true })).toMatchObject({ exitCode: 3 });
  });

  it('that fails tells how, and its last lines', async () => {
    const failed = runCommand(sh('echo one; echo two >&2; exit 3'));
    await expect(failed).rejects.toThrow('exit 3\none\ntwo');
    await expect(failed).rejects.toMatchObject({ exitCode: 3, lastOutput: 'one\ntwo' });
    await expect(runCommand(sh('kill -9 $$'))).rejects.toThrow('ended by SIGKILL');
  });

  it('that is not installed is named', async () => {
    await expect(runCommand(['kadm-no-such-program'])).rejects.toThrow(
      'kadm-no-such-program is not installed',
    );
  });

  it('gets its input, of each kind, and need not read it', async () => {
    const long = 'é'.repeat(1_000_000);
    for (const input of [long, Buffer.from(long), Readable.from([long])])
      expect((await runCommand(['cat'], { input })).stdout).toBe(long);
    for (const input of [long, Readable.from([long, long])])
      expect(await runCommand(['true'], { input })).toMatchObject({ exitCode: 0 });
  });

  it('whose input breaks fails', async () => {
    const input = new Readable({ read: () => input.destroy(new Error('cut')) });
    await expect(runCommand(['cat'], { input })).rejects.toThrow('cut');
  });

  it('is stopped when it overruns or is interrupted, whatever it has started', async () => {
    const script = sh('sleep 5 & echo begun; sleep 60');
    await expect(runCommand(script, { timeoutMs: 200 })).rejects.toThrow('no end within 0.2 s\nbegun');
    await expect(runCommand(sh('sleep 5 & echo begun'), { timeoutMs: 200 })).rejects.toThrow('no end within');
    const interrupt = new AbortController();
    const running = runCommand(script, { signal: interrupt.signal, onLine: () => interrupt.abort() });
    await expect(running).rejects.toThrow('interrupted');
    await expect(runCommand(['true'], { signal: interrupt.signal })).rejects.toThrow(CommandError);
  });

  it('tells its lines as they come, the last one too', async () => {
    const lines: string[] = [];
    const { stdout } = await runCommand(sh('printf "a\nb"; echo c >&2'), {
      onLine: (line) => lines.push(line),
    });
    expect(lines.sort()).toEqual(['a', 'b', 'c']);
    expect(stdout).toBe('a\nb');
  });

  it('speaks English, in the environment that it is given', async () => {
    const { stdout } = await runCommand(sh('echo $LC_ALL $KADM_TEST $HOME; pwd'), {
      env: { KADM_TEST: 'x' },
      cwd: '/',
    });
    expect(stdout).toBe(`C x ${process.env.HOME}\n/\n`);
  });
});
