import { expect, test } from 'vitest';
import { UserError } from '../../../src/errors.ts';
import { gatewayOf, hostsOf, type LabRecord, parseRecord } from '../../../src/lab/record.ts';

const RECORD: LabRecord = { name: 'demo', subnet: 78, nodes: 2, rootfs: '/cache/rootfs/x' };

test('a record reads back as it was written', () => {
  expect(parseRecord(JSON.stringify(RECORD), 'lab.json')).toEqual(RECORD);
});

test.each([
  ['cut short', '{"name": "demo", "sub'],
  ['empty', ''],
  ['of another shape', JSON.stringify({ ...RECORD, nodes: 'two' })],
  ['with a field nobody knows', JSON.stringify({ ...RECORD, color: 'red' })],
  ['with a subnet that labs do not use', JSON.stringify({ ...RECORD, subnet: 300 })],
])('a record %s is an error that says how to go on', (_, text) => {
  expect(() => parseRecord(text, '/state/lab.json')).toThrow(UserError);
  expect(() => parseRecord(text, '/state/lab.json')).toThrow('/state/lab.json is not the record of a lab');
});

test('hosts are h1, h2, ... from .11 on, behind .1', () => {
  expect(gatewayOf(RECORD)).toBe('192.168.78.1');
  expect(hostsOf(RECORD)).toEqual([
    { name: 'h1', address: '192.168.78.11', ipv6: 'fd6b:6164:6d00:78::11' },
    { name: 'h2', address: '192.168.78.12', ipv6: 'fd6b:6164:6d00:78::12' },
  ]);
});
