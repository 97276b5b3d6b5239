import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isEmptyBaseTable } from '../../../src/cni/base-tables.ts';
import { clusterLinks } from '../../../src/cni/cleanup.ts';
import { iptablesCleanup, OWN_CHAINS } from '../../../src/cni/iptables-cleanup.ts';

/** What iptables-save printed on a node of a lab cluster with kube-proxy and CoreDNS. */
const NODE = readFileSync(new URL('iptables-save.txt', import.meta.url), 'utf8');

/** Plays iptables-restore --noflush on the text of iptables-save, with its rule that no chain in use is deleted. */
function restored(save: string, input: string): string[] {
  const lines = save.split('\n').filter((line) => /^[*:-]/.test(line));
  let table = '';
  let content = new Map<string, string[]>();
  const tables = new Map<string, Map<string, string[]>>();
  for (const line of lines) {
    if (line.startsWith('*')) {
      content = new Map();
      tables.set(line, content);
    } else if (line.startsWith(':')) content.set(line.slice(1).split(' ')[0] ?? '', []);
    else content.get(line.split(' ')[1] ?? '')?.push(line);
  }
  for (const line of input.split('\n')) {
    const chain = line.split(' ')[1] ?? '';
    if (line.startsWith('*')) table = line;
    const chains = tables.get(table) ?? new Map<string, string[]>();
    const rules = chains.get(chain);
    if (line.startsWith('-D')) {
      const at = rules?.indexOf(line.replace('-D', '-A')) ?? -1;
      if (at === -1) throw new Error(`no such rule: ${line}`);
      rules?.splice(at, 1);
    }
    if (line.startsWith('-F')) chains.set(chain, []);
    if (line.startsWith('-X')) {
      const used = [...chains.values()].flat().some((rule) => rule.includes(`-j ${chain}`));
      if (used || rules?.length !== 0) throw new Error(`chain in use: ${chain}`);
      chains.delete(chain);
    }
  }
  return [...tables].flatMap(([name, chains]) => [name, ...chains.keys(), ...[...chains.values()].flat()]);
}

describe('cleaning iptables', () => {
  it('leaves nothing of kube-proxy on a real node, and nothing in use on the way', () => {
    expect(NODE).toMatch(/KUBE-SVC-/);
    const after = restored(NODE, iptablesCleanup(NODE));
    expect(after.filter((line) => line.includes('KUBE-'))).toEqual([]);
    expect(after).toEqual(expect.arrayContaining(['*nat', '*filter', 'POSTROUTING', 'FORWARD']));
  });

  it('has nothing to do on a host without a cluster', () => {
    expect(iptablesCleanup('*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n')).toBe('');
  });

  it('of the network alone leaves kube-proxy’s', () => {
    const save = [
      '*filter',
      ':FORWARD DROP [0:0]',
      ':KUBE-FORWARD - [0:0]',
      ':KADM-FORWARD - [0:0]',
      '-A FORWARD -j KUBE-FORWARD',
      '-A FORWARD -j KADM-FORWARD',
      '-A KADM-FORWARD -s 10.244.0.0/16 -j ACCEPT',
      'COMMIT',
    ].join('\n');
    expect(iptablesCleanup(save, OWN_CHAINS)).toBe(
      '*filter\n-D FORWARD -j KADM-FORWARD\n-F KADM-FORWARD\n-X KADM-FORWARD\nCOMMIT\n',
    );
  });

  it('removes the chains of the portmap plugin too', () => {
    const save = [
      '*nat',
      ':PREROUTING ACCEPT [0:0]',
      ':CNI-HOSTPORT-DNAT - [0:0]',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
      '-A CNI-HOSTPORT-DNAT -p tcp -j DNAT --to-destination 10.244.0.9:80',
      'COMMIT',
    ].join('\n');
    expect(iptablesCleanup(save).split('\n')).toEqual([
      '*nat',
      '-D PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT',
      '-F CNI-HOSTPORT-DNAT',
      '-X CNI-HOSTPORT-DNAT',
      'COMMIT',
      '',
    ]);
  });

  it.each([
    '-A INPUT -p tcp -m comment --comment "not -j KUBE-FIREWALL" -j ACCEPT',
    '-A INPUT -j LOG --log-prefix "to -j KUBE-FIREWALL "',
    '-A INPUT -m comment --comment "a \\" -j KUBE-FIREWALL" -j DROP',
    '-A INPUT -j MY-KUBE-CHAIN',
  ])('keeps the host’s own rule %s', (rule) => {
    expect(iptablesCleanup(`*filter\n:INPUT ACCEPT [0:0]\n:MY-KUBE-CHAIN - [0:0]\n${rule}\nCOMMIT\n`)).toBe(
      '',
    );
  });
});

describe('a table of iptables-nft', () => {
  const chain = (change: object): string =>
    JSON.stringify({
      nftables: [
        { metainfo: { version: '1.1.3' } },
        { table: { family: 'ip', name: 'nat', handle: 3 } },
        {
          chain: {
            family: 'ip',
            name: 'PREROUTING',
            hook: 'prerouting',
            prio: -100,
            policy: 'accept',
            ...change,
          },
        },
      ],
    });

  it('is empty when only its own chains are left, which accept', () => {
    expect(isEmptyBaseTable(chain({}))).toBe(true);
  });

  it.each([
    ['a chain that drops', { policy: 'drop' }],
    ['somebody’s chain', { name: 'DOCKER', hook: undefined, policy: undefined }],
    ['a base chain of another name', { name: 'mine' }],
  ])('is not empty with %s', (_, change) => {
    expect(isEmptyBaseTable(chain(change))).toBe(false);
  });

  it('is not empty with a rule', () => {
    const rule = { rule: { family: 'ip', table: 'nat', chain: 'PREROUTING', expr: [{ accept: null }] } };
    expect(isEmptyBaseTable(JSON.stringify({ nftables: [rule] }))).toBe(false);
  });
});

describe('links of the cluster', () => {
  it('are the tunnel, the bridge and what is plugged into it, and no other', () => {
    const link = (ifname: string, kind?: string, master?: string, ifalias?: string): object => ({
      ifname,
      ...(ifalias === undefined ? {} : { ifalias }),
      ...(master === undefined ? {} : { master }),
      ...(kind === undefined ? {} : { linkinfo: { info_kind: kind } }),
    });
    const links = [
      link('lo'),
      link('eth0', 'veth'),
      link('eth1', undefined, 'cni0'),
      link('flannel.1', 'vxlan', undefined, 'kadm'),
      link('flannel.7', 'vxlan'),
      link('flannel.x', 'vxlan'),
      link('flannel.2', 'dummy'),
      link('cni0', 'bridge', undefined, 'kadm'),
      link('docker0', 'bridge'),
      link('veth1a2b', 'veth', 'cni0'),
      link('veth9z9z', 'veth', 'docker0'),
    ];
    expect(clusterLinks(JSON.stringify(links))).toEqual(['flannel.1', 'cni0', 'veth1a2b']);
  });

  it('are none of another network’s, whatever their names', () => {
    const links = [
      { ifname: 'flannel.1', linkinfo: { info_kind: 'vxlan' } },
      { ifname: 'cni0', ifalias: 'mine', linkinfo: { info_kind: 'bridge' } },
      { ifname: 'veth1', master: 'cni0', linkinfo: { info_kind: 'veth' } },
    ];
    expect(clusterLinks(JSON.stringify(links))).toEqual([]);
  });
});
