import { describe, expect, it } from 'vitest';
import { addressAt, contains, overlaps, parseCidr } from '../../../src/config/cidr.ts';

describe('parseCidr', () => {
  it.each([
    ['10.244.0.0/16', 4, 16],
    ['0.0.0.0/0', 4, 0],
    ['fd00:10:244::/56', 6, 56],
  ])('reads %s', (text, family, prefix) => {
    expect(parseCidr(text)).toMatchObject({ family, prefix });
  });

  it.each([
    '10.244.0.0',
    '10.244.0.0/33',
    '10.244/16',
    '300.1.1.0/24',
    '',
    'x/16',
    '10.244.0.0/-1',
    '10.244.0.0/1x',
    '10.244.0.0/',
    '10.244.0.0.0/16',
    '10.244..0/16',
    '10.0244.0.0/16',
  ])('refuses %j', (text) => {
    expect(() => parseCidr(text)).toThrow('is not');
  });

  it('names the network when host bits are set', () => {
    expect(() => parseCidr('10.244.3.7/16')).toThrow('10.244.0.0/16');
  });
});

describe('overlaps', () => {
  it.each([
    ['10.96.0.0/12', '10.100.0.0/16', true],
    ['10.100.0.0/16', '10.96.0.0/12', true],
    ['10.244.0.0/16', '10.96.0.0/12', false],
    ['10.0.0.0/9', '10.128.0.0/9', false],
    ['10.0.0.0/8', 'fd00::/8', false],
  ])('%s and %s: %s', (a, b, expected) => {
    expect(overlaps(parseCidr(a), parseCidr(b))).toBe(expected);
  });
});

describe('addresses of a CIDR', () => {
  it('counts from the first one', () => {
    expect(addressAt(parseCidr('10.96.0.0/12'), 10)).toBe('10.96.0.10');
    expect(addressAt(parseCidr('10.0.0.0/8'), 256)).toBe('10.0.1.0');
    expect(addressAt(parseCidr('fd00::/112'), 10)).toBe('fd00::a');
  });

  it('knows which are inside', () => {
    expect(contains(parseCidr('10.244.0.0/16'), '10.244.255.255')).toBe(true);
    expect(contains(parseCidr('10.244.0.0/16'), '10.245.0.0')).toBe(false);
    expect(contains(parseCidr('10.244.0.0/16'), 'fd00::1')).toBe(false);
    expect(contains(parseCidr('10.244.0.0/16'), 'nonsense')).toBe(false);
  });
});
