import { describe, expect, test } from 'vitest';
import { UserError } from '../../../src/errors.ts';
import { hostOf, interfaceName, isNetnsOf, netnsName, parseLabName } from '../../../src/lab/names.ts';

describe('the name of a lab', () => {
  test.each(['lab', 'a', 'two-labs', '1st', 'x'.repeat(32)])('%s is accepted', (name) => {
    expect(parseLabName(name)).toBe(name);
  });

  test.each(['', 'Lab', '-a', 'a-', 'a_b', '../x', 'a/b', 'a b', 'x'.repeat(33)])('%j is refused', (name) => {
    expect(() => parseLabName(name)).toThrow(UserError);
  });

  test('that could be taken for a host of another lab is refused', () => {
    expect(() => parseLabName('demo-h1')).toThrow(UserError);
    expect(parseLabName('demo-high')).toBe('demo-high');
  });
});

describe('network namespaces', () => {
  test('of a lab are its own and those of its hosts', () => {
    expect(isNetnsOf('demo', netnsName('demo'))).toBe(true);
    expect(isNetnsOf('demo', netnsName('demo', 'h12'))).toBe(true);
  });

  test('of other labs and of other programs are not taken for its own', () => {
    for (const foreign of [
      'kadm-demo2',
      'kadm-demo-two',
      'kadm-demo-two-h1',
      'demo',
      'kadm-demo-h',
      'cni-1',
    ]) {
      expect(isNetnsOf('demo', foreign)).toBe(false);
    }
  });

  test('tell their host', () => {
    expect(hostOf('demo', 'kadm-demo-h3')).toBe('h3');
    expect(hostOf('demo', 'kadm-demo')).toBeUndefined();
  });
});

describe("the machine's interface", () => {
  test('carries the name of the lab where it fits into 15 characters', () => {
    expect(interfaceName('lab')).toBe('kadm-lab');
    expect(interfaceName('abcdefghij')).toBe('kadm-abcdefghij');
  });

  test('stands for long names that begin alike by different names that fit', () => {
    const [one, two] = [interfaceName('abcdefghijk-1'), interfaceName('abcdefghijk-2')];
    expect(one).toHaveLength(15);
    expect(one).not.toBe(two);
    expect(interfaceName('abcdefghijk-1')).toBe(one);
  });
});
