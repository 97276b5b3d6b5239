import { describe, expect, it } from 'vitest';
import { factsIn, problemsOf, twins } from '../../../src/fleet/host-facts.ts';

const SAID = `Welcome to the machine
kadm-time 1000.500000000
kadm-hostname web-1
kadm-machine-id 0123
kadm-product-uuid 
kadm-os Debian GNU/Linux 13 (trixie)
kadm-kernel 6.12.0
kadm-architecture x86_64
kadm-cpus 4
kadm-memory 7900
kadm-place /var 5000 yes
kadm-place /usr/local 5000 yes
kadm-address eth0 10.0.0.7/24
`;

describe('the facts of a host', () => {
  it('are read past what a login shell says', () => {
    const facts = factsIn(SAID, 1_000_500);
    expect(facts).toMatchObject({
      hostname: 'web-1',
      cpus: 4,
      clockOffsetMs: 0,
      addresses: ['eth0 10.0.0.7/24'],
    });
    expect(facts.places).toContainEqual({ path: '/var', freeMiB: 5000, writable: true });
    expect(problemsOf(facts, 'control-plane')).toEqual([]);
  });

  it('name what would stop a join', () => {
    const more = `kadm-swap /dev/sda2\nkadm-port 10250\nkadm-missing program ip\nkadm-place /etc 9 no\n`;
    expect(problemsOf(factsIn(`${SAID}${more}`, 1_060_500), 'worker')).toEqual([
      '/etc cannot be written to (read-only, or full)',
      'its clock is 60 s behind: let chrony or systemd-timesyncd set it',
      'swap is on (/dev/sda2): swapoff -a, and /etc/fstab',
      `port 10250 is taken: ss -ltnp 'sport = :10250' names by what`,
      'there is no program ip',
    ]);
  });

  it('stop nothing on a host that is a node already', () => {
    const ledger = '{"verb":"join","state":"complete","version":"0.1.0"}\nkadm-swap /dev/sda2\n';
    expect(problemsOf(factsIn(`${SAID}${ledger}`, 0), 'worker')).toEqual([]);
  });

  it('show hosts that have the same name or machine-id', () => {
    const facts = factsIn(SAID, 0);
    const other = { ...facts, hostname: 'WEB-1', machineId: '4567' };
    const third = { ...facts, hostname: 'web-3', machineId: '89' };
    const all = [facts, other, third].map((one, index) => ({ host: `h${index}`, facts: one }));
    expect([...twins(all)]).toEqual([
      ['h0', ['it has the same hostname as h1']],
      ['h1', ['it has the same hostname as h0']],
    ]);
  });

  it('are those of a copy where the firmware calls two hosts alike, in whatever case', () => {
    const all = ['4C4C-AB', '4c4c-ab', ''].map((productUuid, index) => ({
      host: `h${index}`,
      facts: { ...factsIn(SAID, 0), hostname: `h${index}`, machineId: `${index}`, productUuid },
    }));
    expect([...twins(all)]).toEqual([
      ['h0', ['it has the same product UUID as h1']],
      ['h1', ['it has the same product UUID as h0']],
    ]);
  });
});
