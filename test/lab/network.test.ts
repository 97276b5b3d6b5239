import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { AGENT_PORT } from '../../src/agent/port.ts';
import { agentStatusSchema } from '../../src/agent/status.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { FlannelNode } from './support/flannel-node.ts';
import { type Ghost, macTowards, makeGhost, removeGhosts } from './support/ghost-nodes.ts';
import { Kubectl } from './support/kubectl.ts';
import { type Endpoint, pausePod, reaches, Stream } from './support/pod-network.ts';
import { networkState, Repairs } from './support/repairs.ts';

/*
 * A master h1, a worker h2, and h3 of which kadm knows nothing: a node of flannel's, set up by hand. What breaks
 * is broken on h2, while traffic is looked at from all three.
 */
const LAB = 'test-net';
const RATE = 1_000;
/** 1,450 bytes of pod MTU, less 20 of IP and 8 of ICMP. */
const FULL = 1_422;
const CONFLIST = '/etc/cni/net.d/00-kadm.conflist';
/** How long what is away stays away: KADM_OUTAGE_SECONDS=600 for the ten minutes that a network must stand. */
const OUTAGE_MS = Number(process.env.KADM_OUTAGE_SECONDS ?? 3) * 1_000;
const TEST_TIMEOUT_MS = 300_000 + 2 * OUTAGE_MS;

let lab: Lab;
let h1: LabHost;
let h2: LabHost;
let kubectl: Kubectl;
let flannel: FlannelNode;
let onH1: Endpoint;
let onH2: Endpoint;
let onFlannel: Endpoint;
const repairs = new Repairs();

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 3);
  h1 = lab.host('h1');
  h2 = lab.host('h2');
  kubectl = new Kubectl(h1);
  await h1.exec(['kadm', 'init'], { timeoutMs: 300_000 });
  flannel = new FlannelNode(lab.host('h3'), kubectl, ['10.244.77.0/24']);
  onFlannel = await flannel.start();
  await h1.exec(['kadm', 'join', '--ssh', 'root@h2'], { timeoutMs: 300_000 });
  await kubectl.run('wait', '--for=create', 'serviceaccount/default', '--timeout=30s');
  [onH1, onH2] = await Promise.all([pausePod(kubectl, h1), pausePod(kubectl, h2)]);
  await flannel.follow();
});

afterAll(async () => {
  repairs.print();
  await removeLab(LAB);
});

async function sh(host: LabHost, script: string): Promise<string> {
  return (await host.exec(['sh', '-e', '-c', script])).stdout;
}

/** What the agent of a host has said since a moment. */
async function said(host: LabHost, since: number): Promise<string> {
  const from = `--since=@${(since / 1000).toFixed(3)}`;
  return (await host.exec(['journalctl', '--unit=kadm-agent', '--output=cat', '--no-pager', from])).stdout;
}

/** What the agent of a host tells `kadm network status`. */
async function statusOf(host: LabHost): Promise<z.infer<typeof agentStatusSchema>> {
  const from = ['--server', `https://${host.address}:${AGENT_PORT}`, '--raw', '/status'];
  return agentStatusSchema.parse(JSON.parse(await kubectl.run('get', ...from)));
}

describe('beside a node of flannel’s that was set up by hand', () => {
  it('packets of every size go both ways, also with the worker that joined after it', async () => {
    for (const kadm of [onH1, onH2]) {
      expect(await reaches(kadm, onFlannel.address, FULL), `${kadm.host.name} to flannel`).toBe(true);
      expect(await reaches(onFlannel, kadm.address, FULL), `flannel to ${kadm.host.name}`).toBe(true);
    }
  });

  it('kadm’s nodes follow its new MAC address', async () => {
    await repairs.expectAfter(
      'a flannel node with another MAC address',
      async () => {
        await flannel.changeMac('77');
        // Its kernel has forgotten its neighbours.
        await flannel.follow();
      },
      async () => (await reaches(onH1, onFlannel.address)) && (await reaches(onH2, onFlannel.address)),
    );
  });
});

describe('a fault on a node is mended', () => {
  it.each([
    ['flannel.1 deleted', 'ip link delete flannel.1'],
    ['flannel.1 renamed', 'ip link set flannel.1 down; ip link set flannel.1 name foo; ip link set foo up'],
    ['flannel.1 set down', 'ip link set flannel.1 down'],
    ['another MTU of flannel.1', 'ip link set flannel.1 mtu 1300'],
    ['another MAC address of flannel.1', 'ip link set flannel.1 address 02:00:00:00:00:99'],
    [
      'another address of flannel.1',
      'ip address flush dev flannel.1; ip address add 10.9.9.9/24 dev flannel.1',
    ],
    ['all routes flushed', 'ip route flush proto 75'],
    ['route to its own pods removed', 'ip route flush dev cni0'],
    [
      'the main table flushed, and the host’s own routes given back',
      'own=$(ip route show dev eth0 | tac); ip route flush table main; echo "$own" | while read route; do ip route add $route dev eth0; done',
    ],
    [
      'what the agent hears the kernel by killed, and routes flushed',
      'kill -9 $(pgrep -f "^ip -details monitor"); ip route flush proto 75',
    ],
    [
      'forwarding entries flushed',
      'for mac in $(bridge fdb show dev flannel.1 | cut -d" " -f1); do bridge fdb delete $mac dev flannel.1; done',
    ],
    ['neighbours flushed', 'ip neigh flush dev flannel.1 nud permanent'],
    ['nftables flushed', 'nft flush ruleset'],
    ['cni0 deleted', 'ip link delete cni0'],
    ['cni0 renamed', 'ip link set cni0 down; ip link set cni0 name foo; ip link set foo up'],
    ['another address of cni0', 'ip address flush dev cni0; ip address add 10.99.0.1/16 dev cni0'],
    ['cni0 set down', 'ip link set cni0 down'],
    ['the CNI configuration removed', `rm ${CONFLIST}`],
    ['the CNI configuration edited', `sed -i s/1450/1500/ ${CONFLIST}`],
    ['its folder removed', 'rm -r /etc/cni/net.d'],
  ])('%s', async (name, fault) => {
    const before = await networkState(h2);
    const since = Date.now();
    await repairs.expectAfter(
      name,
      () => sh(h2, fault),
      async () => (await networkState(h2)) === before && (await reaches(onH1, onH2.address, FULL)),
    );
    // It says so when it has looked at the kernel again.
    await expect
      .poll(() => said(h2, since), { timeout: 10_000 })
      .toMatch(/brought up to date|pods may start/);
  });

  it('another MTU of the underlay, and back', async () => {
    const mtus = async (): Promise<string> =>
      await sh(
        h2,
        `cat /sys/class/net/flannel.1/mtu /sys/class/net/cni0/mtu; grep -o '"mtu": [0-9]*' ${CONFLIST}`,
      );
    await repairs.expectAfter(
      'underlay with MTU 1,400',
      () => sh(h2, 'ip link set eth0 mtu 1400'),
      async () =>
        (await mtus()) === '1350\n1350\n"mtu": 1350\n' && (await reaches(onH1, onH2.address, 1_300)),
    );
    await repairs.expectAfter(
      'underlay with MTU 1,500',
      () => sh(h2, 'ip link set eth0 mtu 1500'),
      async () => (await mtus()) === '1450\n1450\n"mtu": 1450\n' && (await reaches(onH1, onH2.address, FULL)),
    );
  });

  it('a host that drops what it forwards', async () => {
    await repairs.expectAfter(
      'iptables FORWARD with policy DROP',
      () => sh(h2, 'iptables -P FORWARD DROP'),
      async () => {
        const rules = await sh(h2, 'iptables -S FORWARD');
        return (
          rules.includes('-P FORWARD DROP') &&
          rules.includes('KADM-FORWARD') &&
          (await reaches(onH2, onFlannel.address))
        );
      },
    );
    await repairs.expectAfter(
      'iptables FORWARD with policy ACCEPT again',
      () => sh(h2, 'iptables -P FORWARD ACCEPT'),
      async () => !(await sh(h2, 'iptables-save')).includes('KADM-FORWARD'),
    );
  });
});

describe('systemd-networkd that manages the devices of a node, and removes what it does not know', () => {
  const units = ['systemd-networkd.service', 'systemd-networkd.socket'].map(
    (unit) => `/etc/systemd/system/${unit}`,
  );
  const devices = ['eth0', 'flannel.1', 'cni0'];

  beforeAll(async () => {
    const network = (name: string, ...lines: string[]): string =>
      ['[Match]', `Name=${name}`, '[Network]', 'LinkLocalAddressing=no', ...lines].join('\\n');
    const eth0 = network('eth0', `Address=${h2.address}/24`, `Gateway=${lab.gateway}`);
    await sh(
      h2,
      `rm ${units.join(' ')}
       mkdir -p /etc/systemd/network /run/udev/data
       printf '${eth0}\\n' > /etc/systemd/network/10-eth0.network
       printf '${network('flannel.* cni0')}\\n' > /etc/systemd/network/20-pods.network
       # It waits for links until udev has seen them, and no udev runs in a lab host.
       for device in ${devices.join(' ')}; do touch /run/udev/data/n$(cat /sys/class/net/$device/ifindex); done
       systemctl daemon-reload`,
    );
  });

  afterAll(async () => {
    await sh(
      h2,
      `systemctl stop systemd-networkd.socket systemd-networkd.service
       for unit in ${units.join(' ')}; do ln -s /dev/null $unit; done
       rm -r /etc/systemd/network/*.network /run/udev/data/n*
       systemctl daemon-reload`,
    );
  });

  it.each([
    ['systemd-networkd started', 'systemctl start systemd-networkd'],
    ['systemd-networkd reloading', `networkctl reload; networkctl reconfigure ${devices.join(' ')}`],
  ])('%s', async (name, fault) => {
    const before = await networkState(h2);
    const since = Date.now();
    await repairs.expectAfter(
      name,
      () => sh(h2, fault),
      async () =>
        (await said(h2, since)).includes('brought up to date') &&
        (await networkState(h2)) === before &&
        (await reaches(onH1, onH2.address, FULL)),
    );
    const state = /flannel\.1 +vxlan +\S+ +configured/;
    await expect.poll(() => sh(h2, 'networkctl --no-legend'), { timeout: 10_000 }).toMatch(state);
  });
});

describe('what is no fault', () => {
  it('strict reverse path filters let all pass', async () => {
    const all = [h1, h2];
    const filter = async (value: number): Promise<unknown> =>
      await Promise.all(
        all.map((host) =>
          sh(host, `for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo ${value} > $f; done`),
        ),
      );
    await filter(1);
    try {
      expect(await reaches(onH1, onH2.address, FULL)).toBe(true);
      expect(await reaches(onH2, onH1.address, FULL)).toBe(true);
      // From the host itself, whose address is that of the tunnel.
      expect((await h1.exec(['ping', '-c', '1', '-W', '2', onH2.address])).exitCode).toBe(0);
    } finally {
      await filter(0);
    }
  });

  it('the loss of every twentieth packet raises no alarm, and repairs nothing', async () => {
    const rule = 'PREROUTING -p udp --dport 8472 -m statistic --mode random --probability 0.05 -j DROP';
    const since = Date.now() + 1_000;
    await Promise.all([h1, h2].map((host) => sh(host, `iptables -t raw -A ${rule}`)));
    const stream = await Stream.udp(onH1, onH2, RATE);
    await sleep(3_000);
    const report = await stream.end();
    await Promise.all([h1, h2].map((host) => sh(host, `iptables -t raw -D ${rule}`)));
    // The loss was there.
    expect(report.lost / (report.received + report.lost)).toBeGreaterThan(0.02);
    expect(await said(h2, since)).not.toMatch(/"level":"(warn|error)"|brought up to date/);
    const condition = 'jsonpath={.status.conditions[?(@.type=="NetworkUnavailable")].status}';
    expect(await kubectl.run('get', 'node', 'h2', '--output', condition)).toBe('False');
  });
});

describe('a CNI configuration of another network', () => {
  const foreign = '/etc/cni/net.d/00-aaa.conflist';

  it('that comes before kadm’s is told', async () => {
    const since = Date.now();
    await sh(h2, `echo '{"cniVersion":"1.0.0","name":"other","plugins":[{"type":"loopback"}]}' > ${foreign}`);
    await expect
      .poll(() => said(h2, since), { timeout: 5_000 })
      .toContain('00-aaa.conflist comes before ours');
  });

  it('is moved aside where the configuration says so', async () => {
    await sh(
      h2,
      `sed -i 's/exclusive: false/exclusive: true/' /etc/kadm/agent.yaml; systemctl restart kadm-agent`,
    );
    await expect
      .poll(() => sh(h2, 'ls /etc/cni/net.d'), { timeout: 10_000 })
      .toBe('00-aaa.conflist.kadm-moved\n00-kadm.conflist\n');
    await repairs.expectAfter(
      'a CNI configuration of another network, moved aside',
      () => sh(h2, `mv ${foreign}.kadm-moved ${foreign}`),
      async () => (await sh(h2, 'ls /etc/cni/net.d')) === '00-aaa.conflist.kadm-moved\n00-kadm.conflist\n',
    );
    await sh(
      h2,
      `rm ${foreign}.kadm-moved; sed -i 's/exclusive: true/exclusive: false/' /etc/kadm/agent.yaml`,
    );
    await sh(h2, 'systemctl restart kadm-agent');
  });
});

describe('Nodes that come, go and lie', () => {
  const CIDR = '10.244.200.0/24';
  let subnet: string;
  const ghost = (name: string, last: number, more: Partial<Ghost> = {}): Ghost => ({
    name,
    podCidr: CIDR,
    mac: `02:00:00:00:00:${last}`,
    publicIp: `${subnet}.${last}`,
    ...more,
  });
  const leadsTo = async (mac: string | undefined, cidr = CIDR): Promise<boolean> => {
    const found = await Promise.all([h1, h2].map((host) => macTowards(host, cidr)));
    return found.every((one) => one === mac);
  };

  beforeAll(() => {
    subnet = h1.address.split('.').slice(0, 3).join('.');
  });

  it('a pod CIDR moves: the old Node goes, then the new one comes', async () => {
    const [a, b] = [ghost('ghost-a', 91), ghost('ghost-b', 92)];
    await repairs.expectAfter(
      'a new Node',
      () => makeGhost(kubectl, a),
      () => leadsTo(a.mac),
    );
    await removeGhosts(kubectl, a.name);
    await repairs.expectAfter(
      'a pod CIDR that moved, gone first',
      () => makeGhost(kubectl, b),
      () => leadsTo(b.mac),
    );
  });

  it('a pod CIDR moves: the new Node comes, is told and left out, and has it when the old one goes', async () => {
    const [b, c] = [ghost('ghost-b', 92), ghost('ghost-c', 93)];
    const since = Date.now();
    await makeGhost(kubectl, c);
    await expect
      .poll(() => said(h2, since), { timeout: 5_000 })
      .toContain(`Node ghost-c is left out: its pod CIDR ${CIDR} overlaps that of ghost-b`);
    expect(await leadsTo(b.mac)).toBe(true);
    await repairs.expectAfter(
      'a pod CIDR that moved, claimed by both first',
      () => removeGhosts(kubectl, b.name),
      () => leadsTo(c.mac),
    );
  });

  it(
    'Nodes that went, came and moved while the agent was down: nothing is left, nothing is missing',
    async () => {
      const [come, moved] = [
        ghost('ghost-e', 95, { podCidr: '10.244.202.0/24' }),
        ghost('ghost-f', 96, { podCidr: '10.244.203.0/24' }),
      ];
      const elsewhere = { ...moved, mac: '02:00:00:00:00:97', publicIp: `${subnet}.97` };
      await makeGhost(kubectl, moved);
      await expect.poll(() => macTowards(h2, moved.podCidr), { timeout: 5_000 }).toBe(moved.mac);
      await sh(h2, 'systemctl stop kadm-agent');
      await removeGhosts(kubectl, 'ghost-c', moved.name);
      await makeGhost(kubectl, come);
      await makeGhost(kubectl, elsewhere);
      const known = async (host: LabHost): Promise<(string | undefined)[]> =>
        await Promise.all([CIDR, come.podCidr, moved.podCidr].map((cidr) => macTowards(host, cidr)));
      const wanted = [undefined, come.mac, elsewhere.mac];
      await expect.poll(() => known(h1), { timeout: 5_000 }).toEqual(wanted);
      await sleep(OUTAGE_MS);
      expect(await known(h2)).toEqual(['02:00:00:00:00:93', undefined, moved.mac]);
      expect(await reaches(onH1, onH2.address, FULL)).toBe(true);
      await repairs.expectAfter(
        'Nodes that went, came and moved while the agent was down',
        () => sh(h2, 'systemctl start --no-block kadm-agent'),
        async () => JSON.stringify(await known(h2)) === JSON.stringify(wanted),
      );
      expect(await sh(h2, 'ip neigh show dev flannel.1; bridge fdb show dev flannel.1')).not.toMatch(
        /02:00:00:00:00:9[36]/,
      );
      await removeGhosts(kubectl, come.name, moved.name);
      const none = [undefined, undefined, undefined];
      await expect.poll(() => known(h1), { timeout: 5_000 }).toEqual(none);
      await expect.poll(() => known(h2), { timeout: 5_000 }).toEqual(none);
    },
    TEST_TIMEOUT_MS,
  );

  it('hostile Nodes are refused and told, and the rest is unharmed', async () => {
    const before = await networkState(h2);
    const since = Date.now();
    const own = (key: string, value: string): Partial<Ghost> => ({
      annotations: { [`flannel.alpha.coreos.com/${key}`]: value },
    });
    const liars: Ghost[] = [
      ghost('liar-shell', 10, {
        podCidr: '10.244.210.0/24',
        ...own('public-ip', '$(touch /tmp/owned); reboot'),
      }),
      ghost('liar-garbage', 11, { podCidr: '10.244.211.0/24', ...own('backend-data', '{"VNI":1,') }),
      ghost('liar-large', 12, { podCidr: '10.244.212.0/24', ...own('backend-data', 'x'.repeat(200_000)) }),
      ghost('liar-address', 13, { podCidr: '10.244.213.0/24', publicIp: h1.address }),
      ghost('liar-cidr', 14, { podCidr: '10.96.0.0/24' }),
      ghost('liar-ours', 15, { podCidr: '10.244.0.0/24' }),
    ];
    for (const liar of liars) await makeGhost(kubectl, liar);
    for (const { name } of liars) {
      await expect.poll(() => said(h2, since), { timeout: 5_000 }).toContain(`Node ${name} is left out`);
    }
    // Of megabytes the API server itself takes none.
    const huge = ghost('liar-huge', 16, own('backend-data', 'x'.repeat(2_000_000)));
    await expect(makeGhost(kubectl, huge)).rejects.toThrow(/262144/);
    const { refusals } = await statusOf(h2);
    expect(refusals.map(({ node }) => node).sort()).toEqual(liars.map(({ name }) => name).sort());
    expect(await networkState(h2)).toBe(before);
    expect(await reaches(onH1, onH2.address, FULL)).toBe(true);
    expect(await sh(h2, 'ls /tmp')).not.toContain('owned');
    await removeGhosts(kubectl, ...liars.map(({ name }) => name));
  });
});

describe('traffic goes on', () => {
  it('while the agent is killed and comes back: no packet of 1,000 a second is lost', async () => {
    const stream = await Stream.udp(onH1, onH2, RATE);
    for (const host of [h1, h2]) {
      const pid = await sh(host, 'systemctl show --property=MainPID --value kadm-agent');
      await sh(host, 'systemctl kill --signal=SIGKILL kadm-agent');
      const next = async (): Promise<boolean> => {
        const state = await sh(host, 'systemctl show --property=MainPID,SubState kadm-agent');
        return state.includes('SubState=running') && !state.includes(`MainPID=${pid}`);
      };
      await expect.poll(next, { timeout: 20_000 }).toBe(true);
    }
    const report = await stream.end();
    process.stdout.write(`Agents killed under ${report.received} packets: ${JSON.stringify(report)}\n`);
    expect(report.received).toBeGreaterThan(RATE);
    expect(report.lost).toBe(0);
  });

  it('while another executable takes the place of the agent’s: none is lost, nothing of the old one stays', async () => {
    const before = await networkState(h2);
    const stream = await Stream.udp(onH1, onH2, RATE);
    for (const host of [h1, h2]) {
      const old = await sh(
        host,
        'readlink /proc/$(systemctl show --property=MainPID --value kadm-agent)/exe; sha256sum < /usr/local/bin/kadm',
      );
      // What is behind the end of an executable does not matter to it: another file, of the same program.
      await sh(
        host,
        'cp /usr/local/bin/kadm /usr/local/bin/.kadm-new; echo >> /usr/local/bin/.kadm-new; mv /usr/local/bin/.kadm-new /usr/local/bin/kadm; systemctl restart kadm-agent',
      );
      const running = await sh(
        host,
        'readlink /proc/$(systemctl show --property=MainPID --value kadm-agent)/exe; sha256sum < /usr/local/bin/kadm',
      );
      expect(running).not.toBe(old);
      expect(running).toMatch(/^\/usr\/local\/bin\/kadm\n/);
      // `systemctl restart` came back with READY: its monitors run, and no others.
      expect(
        await sh(host, 'pgrep -fc "kadm agent$"; pgrep -fc "^ip -details monitor"; pgrep -fc "^nft monitor"'),
      ).toBe('1\n1\n1\n');
    }
    const report = await stream.end();
    process.stdout.write(`Agents upgraded under ${report.received} packets: ${JSON.stringify(report)}\n`);
    expect(report.lost).toBe(0);
    expect(await networkState(h2)).toBe(before);
  });

  it(
    'while the API server is away; faults are mended all the same, and a forgotten watch is begun anew',
    async () => {
      const manifest = '/etc/kubernetes/manifests/kube-apiserver.yaml';
      const stream = await Stream.udp(onH1, onH2, RATE);
      await sh(h1, `mv ${manifest} /root/`);
      await expect
        .poll(async () => (await kubectl.attempt(['get', '--raw=/livez'])).exitCode, { timeout: 30_000 })
        .not.toBe(0);
      // None is lost while nothing else is broken.
      await sleep(OUTAGE_MS);
      const report = await stream.end();
      process.stdout.write(`API server away under ${report.received} packets: ${JSON.stringify(report)}\n`);
      expect(report.received).toBeGreaterThan((RATE * OUTAGE_MS) / 2_000);
      expect(report.lost).toBe(0);
      const before = await networkState(h2);
      await repairs.expectAfter(
        'flannel.1 deleted while the API server is away',
        () => sh(h2, 'ip link delete flannel.1'),
        async () => (await networkState(h2)) === before && (await reaches(onH1, onH2.address, FULL)),
      );
      await compactEtcd();
      await sh(h1, `mv /root/kube-apiserver.yaml ${manifest}`);
      await expect
        .poll(async () => (await kubectl.attempt(['get', '--raw=/readyz'])).exitCode, { timeout: 60_000 })
        .toBe(0);
      const subnet = h1.address.split('.').slice(0, 3).join('.');
      const ghost = {
        name: 'ghost-d',
        podCidr: '10.244.201.0/24',
        mac: '02:00:00:00:00:94',
        publicIp: `${subnet}.94`,
      };
      await repairs.expectAfter(
        'a new Node after the API server was away',
        () => makeGhost(kubectl, ghost),
        async () => {
          const macs = await Promise.all([h1, h2].map((host) => macTowards(host, ghost.podCidr)));
          return macs.every((mac) => mac === ghost.mac);
        },
        20,
      );
      await removeGhosts(kubectl, ghost.name);
    },
    TEST_TIMEOUT_MS,
  );
});

/** Forgets all that was before now, as etcd does by itself every five minutes in a cluster. */
async function compactEtcd(): Promise<void> {
  const { header } = (await etcd('/v3/maintenance/status', {})) as { header: { revision: string } };
  await etcd('/v3/kv/compaction', { revision: header.revision, physical: true });
}

/** etcd's JSON gateway, with the API server's own certificate. */
async function etcd(path: string, body: object): Promise<unknown> {
  const pki = `${h1.rootfs}/etc/kubernetes/pki`;
  const [ca, cert, key] = await Promise.all(
    [`${pki}/etcd/ca.crt`, `${pki}/apiserver-etcd-client.crt`, `${pki}/apiserver-etcd-client.key`].map(
      (file) => readFile(file),
    ),
  );
  return await new Promise((resolve, reject) => {
    const options = { host: h1.address, port: 2379, path, method: 'POST', ca, cert, key };
    const call = request(options as never, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
      });
      response.on('end', () =>
        response.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(text)),
      );
    });
    call.on('error', reject);
    call.end(JSON.stringify(body));
  });
}

describe('a node that gets another address', () => {
  it('tells it, and the others follow', async () => {
    const address = h2.address.replace(/\d+$/, '222');
    const move = `ip address flush dev eth0; ip address add ${address}/24 dev eth0; ip route add default via ${lab.gateway} dev eth0`;
    await repairs.expectAfter(
      'another address of the node',
      () => sh(h2, move),
      async () => {
        const fdb = await sh(h1, 'bridge fdb show dev flannel.1');
        return fdb.includes(`dst ${address} `) && (await reaches(onH1, onH2.address, FULL));
      },
    );
    await flannel.follow();
    expect(await reaches(onFlannel, onH2.address)).toBe(true);
  });
});
