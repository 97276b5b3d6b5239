import { execFileSync } from 'node:child_process';
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

/** What OpenSSH makes of the same file (ssh -G). */
function asOpenSsh(text: string): Record<string, unknown> {
  const said = execFileSync('ssh', ['-F', `${home}/.ssh/config`, '-G', text], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const all = (keyword: string): string[] =>
    said
      .split('\n')
      .filter((line) => line.startsWith(`${keyword} `))
      .map((line) => line.slice(keyword.length + 1));
  const one = (keyword: string): string | undefined => all(keyword)[0];
  return {
    host: one('hostname'),
    user: one('user'),
    port: Number(one('port')),
    identityFiles: all('identityfile'),
    identitiesOnly: one('identitiesonly') === 'yes',
    knownHostsFiles: one('userknownhostsfile')?.split(' '),
    hostKeyAlias: one('hostkeyalias'),
    hashKnownHosts: one('hashknownhosts') === 'yes',
    unknownHostKey: { yes: 'refuse', true: 'refuse', 'accept-new': 'accept', false: 'accept', ask: 'ask' }[
      one('stricthostkeychecking') ?? 'ask'
    ],
    jumps: one('proxyjump')?.split(',') ?? [],
  };
}

describe('Host, Match, Include and ProxyJump', () => {
  const CONFIG = (): string => `Include ${home}/.ssh/more/*.conf
Host web-* db !web-9
  hostname 10.1.0.7
  ProxyJump ops@outer:2200,root@middle
Host "lone"
  User=eq
  Port = 2022
Match host 10.1.0.*,10.2.0.1
  user admin
Match originalhost web-?,other user admin
  Port 2207
  IdentitiesOnly yes
Match user ops
  IdentityFile /keys/ops
Match originalhost cap
  HOSTNAME 10.2.0.1
  StrictHostKeyChecking accept-new
Match all
  IdentityFile /keys/all
Host *
  User root
  UserKnownHostsFile /known/one /known/two
  HashKnownHosts yes
  HostKeyAlias rack
  StrictHostKeyChecking yes
`;
  const NAMES = ['web-1', 'web-22', 'web-9', 'db', 'ops@web-1', 'admin@other', 'ops@x', 'cap', 'inc', 'lone'];

  it.each([...NAMES, 'zed@q', 'plain'])('are read for %s as OpenSSH reads them', async (name) => {
    await writeFile(
      `${home}/.ssh/more/a.conf`,
      'Host inc\n  HostName inc.example\nMatch user zed\n  Port 77\n',
    );
    await writeFile(`${home}/.ssh/config`, CONFIG());
    const { jumps, ...found } = await target(name);
    const way = jumps.map(({ user, host, port }) => `${user}@${host}${port === 22 ? '' : `:${port}`}`);
    expect({ ...found, jumps: way }).toMatchObject(asOpenSsh(name));
  });
});
