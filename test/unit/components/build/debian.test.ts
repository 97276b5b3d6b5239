import { describe, expect, test } from 'vitest';
import { aliases, libraries, mergedPath, packageVersion } from '../../../../src/components/build/debian.ts';

const STATUS = `Package: runc-tools
Status: install ok installed
Version: 9.9

Package: runc
Status: install ok installed
Architecture: amd64
Version: 1.1.15+ds1-2+b4
Description: Open Container Project - runtime

Package: gone
Status: deinstall ok config-files
Version: 1.0
`;

describe('the version of a package', () => {
  test('is that of the package with exactly this name', () => {
    expect(packageVersion(STATUS, 'runc')).toBe('1.1.15+ds1-2+b4');
  });

  test.each(['run', 'gone', 'absent'])('%s, which is not installed, has none', (name) => {
    expect(packageVersion(STATUS, name)).toBeUndefined();
  });
});

describe('what ldd says', () => {
  test('names libraries and the loader, but not what the kernel adds', () => {
    const output = [
      '/usr/sbin/nft:',
      '\tlinux-vdso.so.1 (0x00007fc025848000)',
      '\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007fc02573c000)',
      '\t/lib64/ld-linux-x86-64.so.2 (0x00007fc02584a000)',
      '/usr/lib/xtables/libx.so:',
      '\tstatically linked',
      '',
    ].join('\n');
    expect(libraries(output)).toEqual(['/lib/x86_64-linux-gnu/libm.so.6', '/lib64/ld-linux-x86-64.so.2']);
  });

  test('stops when a library is missing', () => {
    expect(() => libraries('\tlibmnl.so.0 => not found')).toThrow('libmnl.so.0');
  });
});

test.each([
  ['/lib64/ld-linux-x86-64.so.2', '/usr/lib64/ld-linux-x86-64.so.2'],
  ['/lib/x86_64-linux-gnu/libc.so.6', '/usr/lib/x86_64-linux-gnu/libc.so.6'],
  ['/usr/sbin/nft', '/usr/sbin/nft'],
  ['/library/x', '/library/x'],
])('%s is really at %s', (path, real) => {
  expect(mergedPath(path)).toBe(real);
});

test('other names of a program are links beside it', () => {
  expect(aliases('/usr/sbin/xtables-nft-multi', ['iptables'])).toEqual([
    { type: 'symlink', path: '/usr/sbin/iptables', target: 'xtables-nft-multi' },
  ]);
});
