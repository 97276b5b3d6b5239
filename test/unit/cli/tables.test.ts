import { expect, test } from 'vitest';
import { expirationTable } from '../../../src/cli/certs.ts';
import { humanDuration } from '../../../src/cli/table.ts';
import { tokenTable } from '../../../src/cli/token.ts';

test.each([
  [45, '45s'],
  [119, '119s'],
  [150, '2m30s'],
  [3600, '60m'],
  [5 * 3600 + 600, '5h10m'],
  [23 * 3600 + 3599, '23h'],
  [3 * 86_400 + 3600, '3d1h'],
  [364 * 86_400 + 1, '364d'],
  [3649 * 86_400, '9y'],
  [3 * 365 * 86_400 + 86_400, '3y1d'],
])('%i seconds are said as kubectl says them: %s', (seconds, text) => {
  expect(humanDuration(seconds)).toBe(text);
});

test('certificates are shown as kubeadm shows them, missing and expired ones so that they are seen', () => {
  const text = expirationTable({
    certificates: [
      {
        name: 'apiserver',
        expirationDate: '2027-11-21T12:05:00Z',
        residualTime: 31_449_600,
        externallyManaged: false,
        caName: 'ca',
        renewedBy: 'kadm',
        missing: false,
      },
      { name: 'etcd-peer', missing: true },
      {
        name: 'kubelet.conf',
        expirationDate: '2026-01-02T03:04:00Z',
        residualTime: -5,
        externallyManaged: true,
        caName: 'ca',
        renewedBy: 'kubelet',
        missing: false,
      },
    ],
    certificateAuthorities: [
      {
        name: 'ca',
        expirationDate: '2036-11-18T12:00:00Z',
        residualTime: 315_360_000,
        externallyManaged: true,
        missing: false,
      },
    ],
  });
  expect(text).toBe(`\
CERTIFICATE           EXPIRES                  RESIDUAL TIME   CERTIFICATE AUTHORITY   EXTERNALLY MANAGED   RENEWED BY
apiserver             Nov 21, 2027 12:05 UTC   364d            ca                      no                   kadm
!MISSING! etcd-peer
kubelet.conf          Jan 02, 2026 03:04 UTC   expired         ca                      yes                  kubelet

CERTIFICATE AUTHORITY   EXPIRES                  RESIDUAL TIME   EXTERNALLY MANAGED
ca                      Nov 18, 2036 12:00 UTC   10y             yes`);
});

test('tokens are shown as kubeadm shows them, without the secret half', () => {
  const groups = ['system:bootstrappers:kubeadm:default-node-token'];
  const text = tokenTable(
    [
      {
        id: 'abcdef',
        expires: '2026-11-22T12:00:00Z',
        usages: ['signing', 'authentication'],
        description: 'rack 7',
        groups,
      },
      { id: 'fedcba', expires: undefined, usages: ['signing'], description: '', groups: [] },
    ],
    new Date('2026-11-21T12:00:01Z'),
  );
  expect(text).toBe(`\
TOKEN    TTL         EXPIRES                USAGES                   DESCRIPTION   EXTRA GROUPS
abcdef   23h         2026-11-22T12:00:00Z   authentication,signing   rack 7        system:bootstrappers:kubeadm:default-node-token
fedcba   <forever>   <never>                signing                  <none>        <none>`);
});
