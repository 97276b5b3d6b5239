import { describe, expect, it } from 'vitest';
import { expandRange, hostEntries } from '../../../src/config/hosts.ts';
import type { Documents } from '../../../src/config/schema.ts';

function named(...hosts: NonNullable<NonNullable<Documents['Cluster']>['spec']['hosts']>): Documents {
  return { Cluster: { apiVersion: 'kadm.io/v1', kind: 'Cluster', spec: { hosts } } };
}

describe('a range of addresses', () => {
  it.each([
    ['10.0.0.7', ['10.0.0.7']],
    ['10.0.0.[9-11]', ['10.0.0.9', '10.0.0.10', '10.0.0.11']],
    ['n[08-10].example.org', ['n08.example.org', 'n09.example.org', 'n10.example.org']],
    ['r[1-2]n[1-2]', ['r1n1', 'r1n2', 'r2n1', 'r2n2']],
    ['10.0.0.[5-5]', ['10.0.0.5']],
    ['h[1,4-5,09]', ['h1', 'h4', 'h5', 'h09']],
    ['[fd00::1]', ['[fd00::1]']],
  ])('%s stands for %j', (address, hosts) => {
    expect(expandRange(address)).toEqual(hosts);
  });

  it.each(['10.0.0.[5-4]', 'n[0-99999]', 'n[1,]', 'n[1-2-3]', 'n[-]'])('%s is refused', (address) => {
    expect(() => expandRange(address)).toThrow(/is not a range/);
  });
});

describe('the hosts of a configuration', () => {
  it('are listed one by one, each with what was said of all', () => {
    expect(
      hostEntries(named({ address: 'm', role: 'control-plane' }, { address: 'w[1-2]', user: 'u' })),
    ).toEqual([
      { address: 'm', role: 'control-plane' },
      { address: 'w1', user: 'u' },
      { address: 'w2', user: 'u' },
    ]);
    expect(hostEntries({})).toEqual([]);
  });

  it('are refused when one is named twice, but for another port', () => {
    expect(() => hostEntries(named({ address: 'w1' }, { address: 'w[1-3]' }))).toThrow('names w1 twice');
    expect(hostEntries(named({ address: 'w', port: 2201 }, { address: 'w', port: 2202 }))).toHaveLength(2);
  });

  it('cannot share a node name', () => {
    expect(() => hostEntries(named({ address: 'w[1-2]', nodeName: 'w' }))).toThrow('stands for many hosts');
  });
});
