import { describe, expect, it } from 'vitest';
import { quote } from '../../../src/ssh/connection.ts';
import { parseTarget } from '../../../src/ssh/target.ts';

const CONFIG = `Host rack-*
  User admin
  Port 2222
  IdentityFile ~/.ssh/rack
Host rack-1
  HostName 10.1.0.1
`;

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
