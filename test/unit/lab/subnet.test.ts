import { expect, test } from 'vitest';
import { parseRoutes } from '../../../src/lab/routes.ts';
import { chooseSubnet } from '../../../src/lab/subnet.ts';

test('the first lab gets 192.168.77.0/24', () => {
  expect(chooseSubnet([], ['10.0.0.4/24', '172.17.0.0/16'])).toBe(77);
});

test('labs side by side get the next free one, gaps first', () => {
  expect(chooseSubnet([77, 78, 80], [])).toBe(79);
});

test('networks of the machine are left alone, smaller and larger ones too', () => {
  expect(chooseSubnet([], ['192.168.77.200/32', '192.168.78.0/23'])).toBe(80);
});

test('a machine in 192.168.0.0/16 has none to give, and says so', () => {
  expect(() => chooseSubnet([], ['192.168.1.5/16'])).toThrow(/no subnet from 192\.168\.77\.0\/24/);
});

test('IPv6 networks do not matter', () => {
  expect(chooseSubnet([], ['fe80::1/64'])).toBe(77);
});

test('the routes of the machine are read from its table, default routes left out', () => {
  const table = [
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
    'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
    'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
    'tun0\t004DA8C0\t00000000\t0001\t0\t0\t0\t80FFFFFF\t0\t0\t0',
  ].join('\n');
  expect(parseRoutes(`${table}\n`)).toEqual(['192.0.2.0/24', '192.168.77.0/25']);
});
