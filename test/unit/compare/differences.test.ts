import { describe, expect, it } from 'vitest';
import { differencesOf, leaves } from '../../compare/differences.ts';

describe('leaves', () => {
  it('are the scalars of a value by their paths', () => {
    expect(leaves({ spec: { hostNetwork: true, replicas: 2 }, kind: 'Pod' })).toEqual({
      'spec.hostNetwork': 'true',
      'spec.replicas': '2',
      kind: 'Pod',
    });
  });

  it('find things of a list by their names, in whatever order they come', () => {
    const one = { env: [{ name: 'A', value: '1' }, { name: 'B' }] };
    const other = { env: [{ name: 'B' }, { name: 'A', value: '1' }] };
    expect(leaves(one)).toEqual({ 'env.A.value': '1', 'env.A': 'there', 'env.B': 'there' });
    expect(leaves(other)).toEqual(leaves(one));
  });

  it('keep the order of a list without names, or with the same name twice', () => {
    expect(leaves({ verbs: ['get', 'list'] })).toEqual({ verbs: '["get","list"]' });
    expect(leaves({ ports: [{ name: 'dns' }, { name: 'dns' }] })).toEqual({
      ports: '[{"name":"dns"},{"name":"dns"}]',
    });
  });
});

describe('differencesOf', () => {
  it('is empty for two masters that are alike', () => {
    expect(differencesOf({ 'Role a': { rules: [] } }, { 'Role a': { rules: [] } })).toEqual([]);
  });

  it('names things that only one has, and fields with another value', () => {
    const kadm = { 'Role a': {}, 'static pod etcd': { args: { '--x': '1', '--y': '2' } } };
    const kubeadm = { 'Role b': {}, 'static pod etcd': { args: { '--x': '3', '--z': '2' } } };
    expect(differencesOf(kadm, kubeadm)).toEqual([
      { thing: 'Role a', field: '', kadm: 'there', kubeadm: undefined },
      { thing: 'Role b', field: '', kadm: undefined, kubeadm: 'there' },
      { thing: 'static pod etcd', field: 'args.--x', kadm: '1', kubeadm: '3' },
      { thing: 'static pod etcd', field: 'args.--y', kadm: '2', kubeadm: undefined },
      { thing: 'static pod etcd', field: 'args.--z', kadm: undefined, kubeadm: '2' },
    ]);
  });
});
