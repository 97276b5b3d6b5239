import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { report } from '../../../src/cli/report.ts';
import { ApiError, ConnectionError } from '../../../src/kube/api-error.ts';

let printed = '';

beforeEach(() => {
  printed = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

function unreached(why: string, code: string): ConnectionError {
  const url = new URL('https://10.0.0.1:6443/api/v1/nodes');
  return new ConnectionError({ method: 'GET', url }, Object.assign(new Error(why), { code }));
}

test.each<[string, Error, RegExp]>([
  [
    'that nobody listens at',
    unreached('connect ECONNREFUSED 10.0.0.1:6443', 'ECONNREFUSED'),
    /^kadm: cannot reach the API server at https:\/\/10.0.0.1:6443: connect ECONNREFUSED 10.0.0.1:6443\n {6}check the address, .*journalctl -u kubelet.*\n$/,
  ],
  [
    'whose certificate is not to be trusted',
    unreached('unable to verify', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
    /^kadm: cannot reach .*: its certificate is not signed by the CA of the cluster\n {6}check the address, and the clocks .*\n$/,
  ],
  [
    'that does not know who asks',
    new ApiError('GET /api', 401, { message: 'Unauthorized' }),
    /^kadm: the API server does not know who asks: GET \/api: 401 Unauthorized\n {6}.*not valid any more.*\/etc\/kubernetes\/admin.conf.*\n$/,
  ],
  [
    'that does not allow it',
    new ApiError('GET /api', 403, { message: 'secrets is forbidden' }),
    /^kadm: the API server does not allow this: GET \/api: 403 secrets is forbidden\n {6}ask as an administrator .*\n$/,
  ],
  [
    'that refuses it',
    new ApiError('POST /api', 422, { message: 'spec is invalid' }),
    /^kadm: the API server refuses this: POST \/api: 422 spec is invalid\n$/,
  ],
  [
    'that fails',
    new ApiError('POST /api', 500, { message: 'etcdserver: no leader' }),
    /^kadm: the API server fails at this: POST \/api: 500 etcdserver: no leader\n {6}see why on its control plane: .*\n$/,
  ],
])('an API server %s is told without a stack trace, and with what to do', (_, error, text) => {
  expect(report(error, 'text')).toBe(1);
  expect(printed).toMatch(text);
});

test('programs are told of it by the event alone', () => {
  expect(report(unreached('connect ECONNREFUSED', 'ECONNREFUSED'), 'json')).toBe(1);
  expect(printed).toBe('');
});

test('what nobody foresaw is told as a bug, with its stack trace', () => {
  expect(report(new TypeError('x is undefined'), 'json')).toBe(1);
  expect(printed).toMatch(/^kadm: a bug of kadm, .*\nTypeError: x is undefined\n +at /);
});
