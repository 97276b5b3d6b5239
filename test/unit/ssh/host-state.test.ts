import { describe, expect, it } from 'vitest';
import { hostStateIn } from '../../../src/ssh/host-state.ts';

describe('the state of a host', () => {
  it('is read from among what a login shell says', () => {
    const digest = 'a'.repeat(64);
    const said = `hello\nkadm-time 12.250\nkadm-hostname Web.example.org\nkadm-machine-id 77\nkadm-product-uuid 4C4C\nkadm-begun yes
kadm-busy kadm join (pid 7), since 2026-11-21T12:00:00.000Z
${digest}  /usr/local/bin/kadm\n{"verb":"join","state":"complete","version":"0.1.0"}
nodeName: web\nserver: https://10.0.0.1:6443\n`;
    expect(hostStateIn(said, 2_250)).toEqual({
      hostname: 'Web.example.org',
      machineId: '77',
      productUuid: '4C4C',
      clockOffsetMs: 10_000,
      completed: 'join',
      begun: true,
      busy: 'kadm join (pid 7), since 2026-11-21T12:00:00.000Z',
      node: { name: 'web', server: 'https://10.0.0.1:6443' },
      sha256: digest,
    });
  });

  it('is that of a fresh host when nothing is there', () => {
    expect(hostStateIn('kadm-hostname h\n', 0)).toMatchObject({
      completed: undefined,
      begun: false,
      busy: undefined,
      node: undefined,
      sha256: undefined,
      clockOffsetMs: undefined,
    });
  });
});
