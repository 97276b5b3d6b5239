import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSshConfig } from '../../../src/ssh/config-file.ts';
import { parseTarget, type SshTarget } from '../../../src/ssh/target.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(`${tmpdir()}/kadm-ssh-`);
  await mkdir(`${home}/.ssh/more`, { recursive: true });
  await mkdir(`${home}/etc`);
});
afterEach(() => rm(home, { recursive: true }));

async function target(text: string): Promise<SshTarget> {
  return parseTarget(text, { sshConfig: await readSshConfig(home, `${home}/etc`), home, env: {} });
}

describe('~/.ssh/config', () => {
  it('may be missing', async () => {
    expect(await target('h1')).toMatchObject({ host: 'h1', user: 'root', port: 22, jumps: [] });
  });

  it('includes files by pattern, in their order and for the section they are in', async () => {
    await writeFile(`${home}/.ssh/more/1.conf`, 'Host h1\n  User first\n');
    await writeFile(`${home}/.ssh/more/2.conf`, 'Host h1\n  User second\n  Port 2200\n');
    await writeFile(`${home}/.ssh/own`, 'Port 2222\n');
    await writeFile(
      `${home}/.ssh/config`,
      'Include more/*.conf\nHost h2\n  Include ~/.ssh/own\n  User two\nHost *\n  User last\n',
    );
    expect(await target('h1')).toMatchObject({ user: 'first', port: 2200 });
    expect(await target('h2')).toMatchObject({ user: 'two', port: 2222 });
    expect(await target('h3')).toMatchObject({ user: 'last', port: 22 });
  });

  it('speaks before that of the machine', async () => {
    await writeFile(`${home}/.ssh/config`, 'Host h1\n  Port 2200\n');
    await writeFile(`${home}/etc/ssh_config`, 'Port 2201\nHost *\n  HashKnownHosts yes\n');
    expect(await target('h1')).toMatchObject({ port: 2200, hashKnownHosts: true });
    expect(await target('h2')).toMatchObject({ port: 2201, hashKnownHosts: true });
  });
});
