import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AGENT_PORT } from '../../src/agent/port.ts';
import type { RunResult } from '../../src/host/command.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabHost } from '../../src/lab/lab-host.ts';
import { removeLab } from './bare-lab.ts';
import { bareLabWithKadm } from './support/bare-kadm.ts';
import { Kubectl } from './support/kubectl.ts';
import { type Endpoint, pausePod, reaches, Stream } from './support/pod-network.ts';

/* Three nodes, whose backend is changed under traffic; then whose network is given up for another one. */
const LAB = 'test-backends';
const VERB_TIMEOUT_MS = 300_000;
/** An established connection between pods is never silent for longer. */
const LONGEST_GAP_MS = 2_000;
/** What is left of 1,500 for ICMP's data, without and with a tunnel of 50. */
const FULL = { direct: 1_472, tunnel: 1_422 } as const;

let lab: Lab;
let h1: LabHost;
let h2: LabHost;
let h3: LabHost;
let kubectl: Kubectl;

beforeAll(async () => {
  lab = await bareLabWithKadm(LAB, 3);
  [h1, h2, h3] = [lab.host('h1'), lab.host('h2'), lab.host('h3')];
  kubectl = new Kubectl(h1);
});

afterAll(async () => {
  await removeLab(LAB);
});

async function kadm(host: LabHost, ...words: string[]): Promise<RunResult> {
  return await host.exec(['kadm', ...words], { timeoutMs: VERB_TIMEOUT_MS, allowFailure: true });
}

async function mustKadm(host: LabHost, ...words: string[]): Promise<void> {
  await host.exec(['kadm', ...words], { timeoutMs: VERB_TIMEOUT_MS });
}

async function sh(host: LabHost, script: string): Promise<string> {
  return (await host.exec(['sh', '-e', '-c', script])).stdout;
}

async function makeCluster(...flags: string[]): Promise<void> {
  await mustKadm(h1, 'init', ...flags);
  await mustKadm(h1, 'join', '--ssh', 'root@h2', '--ssh', 'root@h3');
  await kubectl.run('wait', '--for=create', 'serviceaccount/default', '--timeout=30s');
}

/** Devices by which a host sends to the pods of the others, in the order of their CIDRs. */
async function devices(host: LabHost): Promise<string> {
  const routes = await sh(host, 'ip route show proto 75');
  return [...routes.matchAll(/ dev (\S+)/g)].map(([, device]) => device).join(' ');
}

/** Runs while two connections are held: between workers, and from a worker to the master. */
async function underTraffic(
  pods: readonly Endpoint[],
  what: string,
  work: () => Promise<void>,
): Promise<void> {
  const [onH1, onH2, onH3] = pods;
  if (onH1 === undefined || onH2 === undefined || onH3 === undefined)
    throw new Error('there are not three pods');
  const streams = [await Stream.tcp(onH2, onH3), await Stream.tcp(onH3, onH1)];
  await work();
  for (const stream of streams) {
    const report = await stream.end();
    process.stdout.write(`${what}: longest gap ${report.longestGapMs} ms in ${report.received} arrivals\n`);
    expect(report).toMatchObject({ connections: 1 });
    expect(report.received).toBeGreaterThan(20);
    expect(report.longestGapMs).toBeLessThan(LONGEST_GAP_MS);
  }
}

describe('a cluster with VNI 7 on port 4789', () => {
  let pods: Endpoint[];

  beforeAll(async () => {
    await makeCluster('--network-vni', '7', '--network-port', '4789');
    pods = await Promise.all(lab.hosts.map((host) => pausePod(kubectl, host)));
  });

  async function expectAllReach(bytes: number): Promise<void> {
    for (const from of pods) {
      for (const to of pods.filter((pod) => pod !== from)) {
        expect(await reaches(from, to.address, bytes), `${from.host.name} to ${to.host.name}`).toBe(true);
      }
    }
  }

  it('has its tunnel there', async () => {
    expect(await sh(h2, 'ip -details link show flannel.7')).toMatch(/vxlan id 7 .*dstport 4789 /);
    await expectAllReach(FULL.tunnel);
  });

  it('goes to host-gw without breaking a connection', async () => {
    await underTraffic(
      pods,
      'vxlan to host-gw',
      async () => await mustKadm(h1, 'network', 'set', '--backend', 'host-gw'),
    );
    for (const host of lab.hosts) {
      await expect.poll(() => devices(host), { timeout: 5_000 }).toBe('eth0 eth0');
      await expect.poll(() => sh(host, 'ip -o link show type vxlan'), { timeout: 5_000 }).toBe('');
    }
    const fresh = [await pausePod(kubectl, h2, 'fresh-2'), await pausePod(kubectl, h3, 'fresh-3')] as const;
    expect(await reaches(fresh[0], fresh[1].address, FULL.direct)).toBe(true);
    await expectAllReach(FULL.tunnel);
  });

  it('goes back to vxlan without breaking a connection, with strict reverse path filters', async () => {
    const strict = 'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 > $f; done';
    await Promise.all(lab.hosts.map((host) => sh(host, strict)));
    await underTraffic(
      pods,
      'host-gw to vxlan',
      async () => await mustKadm(h1, 'network', 'set', '--backend', 'vxlan'),
    );
    for (const host of lab.hosts) {
      await expect.poll(() => devices(host), { timeout: 5_000 }).toBe('flannel.7 flannel.7');
    }
    await expectAllReach(FULL.tunnel);
  });

  it('with auto routes within a subnet, and tunnels to a node of another one', async () => {
    const net = h1.address.replace(/\d+$/, '0/24');
    // The next hop is on the same wire; that it is in another subnet is what decides.
    for (const host of [h1, h2]) await sh(host, 'ip route add 172.30.0.0/24 dev eth0');
    await sh(
      h3,
      `ip address flush dev eth0; ip address add 172.30.0.3/24 dev eth0; ip route add ${net} dev eth0; ip route add default via ${lab.gateway} dev eth0`,
    );
    const address = 'jsonpath={.metadata.annotations.flannel\\.alpha\\.coreos\\.com/public-ip}';
    await expect
      .poll(() => kubectl.run('get', 'node', 'h3', '--output', address), { timeout: 10_000 })
      .toBe('172.30.0.3');
    await underTraffic(
      pods,
      'vxlan to auto',
      async () => await mustKadm(h1, 'network', 'set', '--backend', 'auto'),
    );
    // Which node got which addresses, and with them the order, is the controller manager's.
    const ways = async (): Promise<string[]> =>
      (await Promise.all(lab.hosts.map(devices))).map((list) => list.split(' ').sort().join(' ')).sort();
    await expect
      .poll(ways, { timeout: 5_000 })
      .toEqual(['eth0 flannel.7', 'eth0 flannel.7', 'flannel.7 flannel.7']);
    await expectAllReach(FULL.tunnel);
  });

  it('does not go to host-gw when a node would be lost, and says so', async () => {
    const before = await Promise.all(lab.hosts.map(devices));
    const { exitCode, stderr } = await kadm(h1, 'network', 'set', '--backend', 'host-gw');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/Node h1 has not changed its backend: host-gw: Node h3 would be lost/);
    expect(await Promise.all(lab.hosts.map(devices))).toEqual(before);
    await expectAllReach(FULL.tunnel);
  });

  it('uninstalls all of ours and nothing else', async () => {
    await sh(
      h2,
      `ip link add flannel.9 type vxlan id 9 dstport 4790 dev eth0
       ip link add other0 type bridge
       ip link set other0 up
       ip route add 10.244.222.0/24 dev other0
       nft add table ip other
       echo '{}' > /etc/cni/net.d/10-other.conflist.off`,
    );
    const kubeProxy = async (): Promise<number> =>
      Number(await sh(h2, 'iptables-save | grep -c KUBE-SERVICES || true'));
    const before = await kubeProxy();
    await mustKadm(h2, 'network', 'uninstall', '--force');
    expect(await sh(h2, 'ip -o link show; ip route show')).not.toMatch(/flannel\.7|cni0|proto 75/);
    expect(await sh(h2, 'ip -o link show')).toMatch(/flannel\.9:/);
    expect(await sh(h2, 'ip route show')).toMatch(/10\.244\.222\.0\/24 dev other0/);
    expect(await sh(h2, 'nft list tables')).toMatch(/table ip other/);
    expect(await sh(h2, 'nft list tables')).not.toMatch(/table ip kadm/);
    expect(await sh(h2, 'ls /etc/cni/net.d')).toBe('10-other.conflist.off\n');
    expect(await sh(h2, 'ls /etc/systemd/system /etc/kadm 2>&1 || true')).not.toMatch(
      /kadm-agent|agent\.yaml/,
    );
    expect(await kubeProxy()).toBe(before);
    expect(
      await kubectl.run('get', 'node', 'h2', '--output', 'jsonpath={.metadata.annotations}'),
    ).not.toMatch(/flannel|kadm\.io/);
    // The others forget the way there.
    await expect.poll(() => devices(h1), { timeout: 5_000 }).toBe('flannel.7');
  });
});

describe('a cluster whose network is another’s', () => {
  const CONFLIST = '/etc/cni/net.d/10-other.conflist';

  beforeAll(async () => {
    for (const host of [h3, h2, h1]) await mustKadm(host, 'reset', '--force');
    // What the tests before did to h3 goes with a new start.
    await sh(
      h2,
      'ip link delete flannel.9; ip link delete other0; nft delete table ip other; rm -f /etc/cni/net.d/*',
    );
    await mustKadm(h1, 'init', '--network-backend', 'none');
  });

  it('gets its pods’ network from whoever comes, and kadm keeps out of it', async () => {
    // As a third party's installer would: a bridge for the node's CIDR.
    const podCidr = (): Promise<string> =>
      kubectl.run('get', 'node', 'h1', '--output', 'jsonpath={.spec.podCIDR}');
    await expect.poll(podCidr, { timeout: 60_000 }).not.toBe('');
    const cidr = await podCidr();
    const plugins = [
      {
        type: 'bridge',
        bridge: 'other0',
        isGateway: true,
        ipMasq: true,
        ipam: { type: 'host-local', subnet: cidr, routes: [{ dst: '0.0.0.0/0' }] },
      },
    ];
    const conflist = JSON.stringify({ cniVersion: '1.0.0', name: 'other', plugins });
    await h1.exec(['sh', '-c', `mkdir -p /etc/cni/net.d; cat > ${CONFLIST}`], { input: conflist });
    await kubectl.run('wait', '--for=condition=Ready', 'node/h1', '--timeout=60s');
    await kubectl.run('wait', '--for=create', 'serviceaccount/default', '--timeout=30s');
    const pod = await pausePod(kubectl, h1);
    expect(await reaches(pod, h1.address)).toBe(true);
    expect(await sh(h1, 'ip -o link show')).toMatch(/other0/);
    expect(await sh(h1, 'ip -o link show; ip route show; nft list tables; ls /etc/cni/net.d')).not.toMatch(
      /flannel|cni0|proto 75|table ip kadm|00-kadm/,
    );
  });

  it('has an agent that tells of itself alone', async () => {
    const metrics = async (): Promise<string> => {
      const from = ['--server', `https://${h1.address}:${AGENT_PORT}`];
      return (await kubectl.attempt(['get', ...from, '--raw', '/metrics'])).stdout;
    };
    // The kubelet has its serving certificate some seconds after its Node came.
    await expect.poll(metrics, { timeout: 60_000 }).toMatch(/^kadm_agent_certificate_expiration_\S+ \d+$/m);
    expect(await metrics()).not.toMatch(/kadm_network|kadm_probe/);
  });
});
