import { describe, expect, it } from 'vitest';
import { commandLine, quote } from '../../../src/ssh/runner.ts';
import { parseTarget as parse, type SshTarget } from '../../../src/ssh/target.ts';

const CONFIG = `Host rack-*
  User admin
  Port 2222
  IdentityFile ~/.ssh/rack
Host rack-1
  HostName 10.1.0.1
`;

function parseTarget(text: string, sshConfig: string, home = '/root', env = {}): SshTarget {
  return parse(text, { sshConfig, home, env });
}

describe('parseTarget', () => {
  it('reads user, host and port', () => {
    expect(parseTarget('root@10.0.0.2', '')).toMatchObject({ user: 'root', host: '10.0.0.2', port: 22 });
    expect(parseTarget('ops@host:2200', '')).toMatchObject({ user: 'ops', host: 'host', port: 2200 });
    expect(parseTarget('[fd00::1]:22', '')).toMatchObject({ user: 'root', host: 'fd00::1' });
  });

  it('honours ~/.ssh/config, but what is written out comes first', () => {
    expect(parseTarget('rack-1', CONFIG, '/home/me')).toMatchObject({
      name: 'rack-1',
      host: '10.1.0.1',
      user: 'admin',
      port: 2222,
      identityFiles: ['/home/me/.ssh/rack'],
    });
    expect(parseTarget('root@rack-1:22', CONFIG)).toMatchObject({ user: 'root', port: 22 });
  });

  it.each(['', 'root@', 'a b', 'host:port', '-oProxyCommand=x', 'host:123456', 'root@-x'])(
    'refuses %j',
    (text) => {
      expect(() => parseTarget(text, '')).toThrow(expect.objectContaining({ exitCode: 2 }));
    },
  );
});

describe('quote', () => {
  it('makes one word of anything', () => {
    expect(quote('kadm')).toBe('kadm');
    expect(quote('')).toBe(`''`);
    expect(quote('a b; rm -rf /')).toBe(`'a b; rm -rf /'`);
    expect(quote(`it's`)).toBe(`'it'\\''s'`);
  });
});

describe('commandLine', () => {
  it('needs no shell to agree on quotes, backslashes, exclamation marks and newlines', () => {
    expect(commandLine(['sh', '-c', 'echo "$1"', 'sh', 'a b'])).toBe(`sh -c 'echo "$1"' sh 'a b'`);
    const line = commandLine(['printf', '%s', `it's\\\n!`]);
    const [, encoded = ''] = /^sh -c 'eval "\$\(echo ([A-Za-z0-9+/=]+) \| base64 -d\)"'$/.exec(line) ?? [];
    expect(Buffer.from(encoded, 'base64').toString()).toBe(`exec printf '%s' 'it'\\''s\\\n!'`);
  });
});

describe('what ~/.ssh/config says of the way to a host', () => {
  const config = `Host inner
  ProxyJump ops@outer:2200,middle
  IdentitiesOnly yes
  StrictHostKeyChecking yes
  HostKeyAlias rack
Host middle
  HostName 10.1.0.9
Host * !lonely
  ProxyJump outer
Host lonely
  ProxyJump none
`;

  it('is a list of hosts, the nearest first, each with its own settings', () => {
    const { jumps, identitiesOnly, unknownHostKey, hostKeyAlias } = parseTarget('inner', config);
    expect(jumps.map(({ user, host, port }) => `${user}@${host}:${port}`)).toEqual([
      'ops@outer:2200',
      'root@10.1.0.9:22',
    ]);
    expect({ identitiesOnly, unknownHostKey, hostKeyAlias }).toEqual({
      identitiesOnly: true,
      unknownHostKey: 'refuse',
      hostKeyAlias: 'rack',
    });
  });

  it('does not go in a circle, and ends where it says none', () => {
    expect(parseTarget('any', config).jumps.map(({ host }) => host)).toEqual(['outer']);
    expect(parseTarget('lonely', config).jumps).toEqual([]);
  });

  it('expands ~ and tokens in files', () => {
    const text = 'Host *\n  IdentityFile ~/.ssh/%h_%r\n  UserKnownHostsFile ~/a ~/b\n';
    expect(parseTarget('me@h1', text, '/home/me')).toMatchObject({
      identityFiles: ['/home/me/.ssh/h1_me'],
      knownHostsFiles: ['/home/me/a', '/home/me/b'],
    });
  });
});
