import { describe, expect, it } from 'vitest';
import { conflist } from '../../../src/cni/conflist.ts';
import { findUnderlay } from '../../../src/cni/underlay.ts';
import { unicastMac, vtepMac } from '../../../src/cni/vtep.ts';
import { parseCidr } from '../../../src/config/cidr.ts';

describe('the CNI configuration', () => {
  it('is a bridge with the tunnel’s MTU, addresses from the node’s CIDR, and host ports', () => {
    const { cniVersion, plugins } = JSON.parse(conflist({ podCidrs: ['10.244.1.0/24'], mtu: 1450 }));
    expect(cniVersion).toBe('1.0.0');
    expect(plugins).toMatchObject([
      {
        type: 'bridge',
        bridge: 'cni0',
        mtu: 1450,
        isDefaultGateway: true,
        hairpinMode: true,
        ipMasq: false,
        ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.1.0/24' }]], dataDir: '/run/kadm/ipam' },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ]);
  });
});

describe('the underlay', () => {
  const link = (name: string, address: string, mtu = 1500): Parameters<typeof findUnderlay>[0][number] => ({
    name,
    mtu,
    up: true,
    mac: '02:00:00:00:00:01',
    alias: undefined,
    kind: undefined,
    master: undefined,
    vxlan: undefined,
    addresses: [{ address, prefix: 24, family: 'inet' }],
  });
  const interfaces = [link('lo', '127.0.0.1'), link('eth0', '10.0.2.15'), link('eth1', '192.168.1.5', 9000)];
  const node = {
    addresses: [
      { type: 'Hostname', address: 'n1' },
      { type: 'InternalIP', address: 'fd00::5' },
      { type: 'InternalIP', address: '10.0.2.15' },
    ],
  };

  it('is the interface with the node’s address as set, not the first one', () => {
    expect(findUnderlay(interfaces, 4, node, ['192.168.1.5'])).toEqual({
      device: 'eth1',
      mtu: 9000,
      address: '192.168.1.5',
      subnet: parseCidr('192.168.1.0/24'),
    });
  });

  it('is that of the Node’s internal address when none is set, or the one that is set is gone', () => {
    expect(findUnderlay(interfaces, 4, node, [])?.device).toBe('eth0');
    expect(findUnderlay(interfaces, 4, node, ['192.168.1.77'])?.device).toBe('eth0');
  });

  it('of IPv6 is the interface with the node’s IPv6 address', () => {
    const eth1 = link('eth1', '192.168.1.5', 9000);
    const both = {
      ...eth1,
      addresses: [...eth1.addresses, { address: 'fd77::5', prefix: 64, family: 'inet6' }],
    };
    const found = findUnderlay([both], 6, node, ['192.168.1.5', 'fd77::5']);
    expect(found).toMatchObject({ device: 'eth1', address: 'fd77::5', subnet: { text: 'fd77::/64' } });
    expect(findUnderlay([both], 6, node, ['192.168.1.5'])).toBeUndefined();
  });

  it('is unknown when no interface has any of them', () => {
    expect(findUnderlay(interfaces.slice(0, 1), 4, node, ['192.168.1.5'])).toBeUndefined();
  });
});

describe('the MAC address of a tunnel end', () => {
  it('is always the same for a node, another for another, and one station’s', () => {
    expect(vtepMac('n1', 4)).toBe(vtepMac('n1', 4));
    expect(vtepMac('n1', 4)).not.toBe(vtepMac('n2', 4));
    expect(vtepMac('n1', 4)).not.toBe(vtepMac('n1', 6));
    expect(Number.parseInt(vtepMac('n1', 4).slice(0, 2), 16) & 0b11).toBe(0b10);
  });

  it.each([
    '',
    'aa:bb:cc:dd:ee',
    'ff:ff:ff:ff:ff:ff',
    '01:00:00:00:00:01',
    '00:00:00:00:00:00',
    'aa-bb-cc-dd-ee-ff',
  ])('is not %j', (text) => expect(unicastMac(text)).toBeUndefined());
});
