import { copyFile } from 'node:fs/promises';
import type { Backend } from '../../src/cni/backend.ts';
import { CONFLIST_PATH } from '../../src/cni/conflist.ts';
import { type BenchHost, type BenchSetting, onFreshHosts } from './bench-lab.ts';
import { quietCluster, until } from './quiet-cluster.ts';
import { requests, type TrafficEnd, throughput } from './traffic-tools.ts';

const LAB = 'bench-throughput';
const NODE = '/root/node';
const CALLS = '/root/cni-calls.ts';
const PLAIN_CONFLIST = '/root/plain.conflist';
const PODS = 50;
/** Beside kadm's: another VNI and port, other devices and addresses; all else alike. */
const HAND = { subnet: (host: number): string => `10.201.${host}`, vni: 9, port: 4799 } as const;
const TUNNEL_MTU = 1_450;
const MTU = 1_500;
/** Of the cable between the hosts, where it is to be the limit as a network card is, and not their processors. */
export const LINK_GBITS = 5;

type Way = 'kadm' | 'hand' | 'link';

export interface TrafficFigures {
  /** Gbit/s of each run. */
  readonly gbits: readonly number[];
  /** Small requests a second of each run. */
  readonly requests: readonly number[];
}

export interface ThroughputFigures {
  readonly vxlan: Readonly<Record<Way, TrafficFigures>>;
  readonly hostGw: Readonly<Record<Way, TrafficFigures>>;
  /** The same over a cable of LINK_GBITS. */
  readonly heldLink: Readonly<Record<Way, TrafficFigures>>;
  /** Milliseconds of each pod's CNI calls, of all runs. */
  readonly cni: {
    readonly kadm: readonly number[];
    readonly plain: readonly number[];
    readonly pods: number;
  };
}

/**
 * Traffic between pods of two nodes by kadm's network, and in turn by one made by hand between the same hosts, and
 * between the hosts themselves. Pods' networks are made by the CNI plugins with the configuration that kadm wrote.
 */
export async function benchThroughput(setting: BenchSetting, runs: number): Promise<ThroughputFigures> {
  const vxlan = await onCluster(setting, 'vxlan', async (hosts) => ({
    traffic: await measureTraffic(await endsOf(hosts, 'vxlan'), 'vxlan', setting, runs),
    cni: await measureCni(hosts[1], setting, runs),
  }));
  const routed = await onCluster(setting, 'host-gw', async (hosts) => {
    const ends = await endsOf(hosts, 'host-gw');
    const hostGw = await measureTraffic(ends, 'host-gw', setting, runs);
    for (const host of hosts) await holdLink(host);
    const heldLink = await measureTraffic(ends, `host-gw over ${LINK_GBITS} Gbit/s`, setting, runs);
    return { hostGw, heldLink };
  });
  return { vxlan: vxlan.traffic, ...routed, cni: vxlan.cni };
}

type TwoHosts = readonly [BenchHost, BenchHost];

async function onCluster<T>(
  setting: BenchSetting,
  backend: Backend,
  work: (hosts: TwoHosts) => Promise<T>,
): Promise<T> {
  return await onFreshHosts(setting, LAB, 2, async ([h1, h2]) => {
    if (h1 === undefined || h2 === undefined) throw new Error('too few hosts');
    await h1.run(['kadm', 'init', '--network-backend', backend]);
    await h1.run(['kadm', 'join', '--ssh', `root@${h2.name}`]);
    for (const host of [h1, h2]) {
      const route = ['ip', 'route', 'show', 'proto', '75'];
      await until('a route to the other node', async () => (await host.run(route)).stdout !== '');
      await copyFile(process.execPath, `${host.rootfs}${NODE}`);
      await copyFile(new URL('./cni-calls.ts', import.meta.url), `${host.rootfs}${CALLS}`);
    }
    await quietCluster([h1, h2], []);
    return await work([h1, h2]);
  });
}

/** Those between which it is measured: two pods, two namespaces as pods have, the hosts. */
async function endsOf(hosts: TwoHosts, backend: Backend): Promise<Record<Way, readonly TrafficEnd[]>> {
  return {
    kadm: await Promise.all(hosts.map(podOfKadm)),
    hand: await byHand(hosts, backend),
    link: hosts.map(({ netns, address }) => ({ netns: `/run/netns/${netns}`, address })),
  };
}

/** Bounds what a host sends (tc-tbf(8)); the burst is what it sends in 3 ms. */
async function holdLink(host: BenchHost): Promise<void> {
  const bound = ['tbf', 'rate', `${LINK_GBITS}gbit`, 'burst', '2mb', 'latency', '20ms'];
  await host.run(['tc', 'qdisc', 'replace', 'dev', 'eth0', 'root', ...bound]);
}

async function measureTraffic(
  ends: Readonly<Record<Way, readonly TrafficEnd[]>>,
  what: string,
  { say }: BenchSetting,
  runs: number,
): Promise<Record<Way, TrafficFigures>> {
  const figures: Record<Way, { gbits: number[]; requests: number[] }> = {
    kadm: { gbits: [], requests: [] },
    hand: { gbits: [], requests: [] },
    link: { gbits: [], requests: [] },
  };
  const ways = ['kadm', 'hand', 'link'] as const;
  for (let run = 1; run <= runs; run += 1) {
    // Who goes first changes from run to run.
    for (const way of run % 2 === 1 ? ways : ways.toReversed()) {
      const [from, to] = ends[way];
      if (from === undefined || to === undefined) throw new Error('no two ends');
      const [gbits, rate] = [await throughput(from, to), await requests(from, to)];
      figures[way].gbits.push(gbits);
      figures[way].requests.push(rate);
      say(
        `throughput, ${what}, run ${run} of ${runs}: ${way} ${gbits.toFixed(2)} Gbit/s, ${rate.toFixed(0)} requests/s`,
      );
    }
  }
  return figures;
}

async function podOfKadm(host: BenchHost): Promise<TrafficEnd> {
  await host.run([NODE, CALLS, CONFLIST_PATH, 'pod']);
  const show = ['ip', '-n', 'pod', '-4', '-o', 'address', 'show', 'dev', 'eth0'];
  const address = / inet ([\d.]+)\//.exec((await host.run(show)).stdout)?.[1];
  if (address === undefined) throw new Error(`a pod without an address on ${host.name}`);
  return { netns: await namespaceOf(host, 'pod'), address };
}

/** Path on this machine of a network namespace that `ip netns` on a host has made. */
async function namespaceOf(host: BenchHost, name: string): Promise<string> {
  return `/proc/${await host.pid()}/root/run/netns/${name}`;
}

/** What somebody makes with ip alone: a bridge with one pod, and the way to the other host's. */
async function byHand(hosts: TwoHosts, backend: Backend): Promise<TrafficEnd[]> {
  const tunnel = backend !== 'host-gw';
  const mac = (host: number): string => `02:42:00:00:00:0${host}`;
  const mtu = tunnel ? TUNNEL_MTU : MTU;
  const make = async (host: BenchHost, own: number, peer: BenchHost, other: number): Promise<TrafficEnd> => {
    const [here, there] = [HAND.subnet(own), HAND.subnet(other)];
    const way = tunnel
      ? `ip link add vxlan9 address ${mac(own)} mtu ${mtu} type vxlan id ${HAND.vni} local ${host.address} dev eth0 dstport ${HAND.port} nolearning
         ip address add ${here}.0/32 dev vxlan9
         ip link set vxlan9 up
         ip neigh add ${there}.0 lladdr ${mac(other)} dev vxlan9 nud permanent
         bridge fdb add ${mac(other)} dev vxlan9 dst ${peer.address} self permanent
         ip route add ${there}.0/24 via ${there}.0 dev vxlan9 onlink`
      : `ip route add ${there}.0/24 via ${peer.address}`;
    await host.run([
      'sh',
      '-e',
      '-c',
      `ip link add hand0 type bridge
       ip link set hand0 mtu ${mtu} up
       ip address add ${here}.1/24 dev hand0
       ip netns add hand
       ip link add vethhand mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns hand
       ip link set vethhand master hand0 up
       bridge link set dev vethhand hairpin on
       ip -n hand link set lo up
       ip -n hand address add ${here}.2/24 dev eth0
       ip -n hand link set eth0 up
       ip -n hand route add default via ${here}.1
       ${way}`,
    ]);
    return { netns: await namespaceOf(host, 'hand'), address: `${here}.2` };
  };
  const [h1, h2] = hosts;
  return [await make(h1, 1, h2, 2), await make(h2, 2, h1, 1)];
}

/** The calls for 50 pods at once, with kadm's configuration and in turn with what flannel would delegate. */
async function measureCni(
  host: BenchHost,
  { say }: BenchSetting,
  runs: number,
): Promise<ThroughputFigures['cni']> {
  await host.writeFile(PLAIN_CONFLIST, JSON.stringify(PLAIN));
  const figures = { kadm: [] as number[], plain: [] as number[] };
  const conflists = { kadm: CONFLIST_PATH, plain: PLAIN_CONFLIST };
  for (let run = 1; run <= runs; run += 1) {
    for (const way of run % 2 === 1 ? (['kadm', 'plain'] as const) : (['plain', 'kadm'] as const)) {
      const { stdout } = await host.run([NODE, CALLS, conflists[way], String(PODS)]);
      figures[way].push(...(JSON.parse(stdout) as number[]));
    }
    say(`throughput, CNI calls of ${PODS} pods: run ${run} of ${runs}`);
  }
  return { ...figures, pods: PODS };
}

/** The bridge plugin as flannel's delegates to it, with the subnet of its subnet file, and portmap. */
const PLAIN = {
  cniVersion: '1.0.0',
  name: 'plain',
  plugins: [
    {
      type: 'bridge',
      bridge: 'plain0',
      mtu: TUNNEL_MTU,
      hairpinMode: true,
      isDefaultGateway: true,
      isGateway: true,
      ipMasq: false,
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: '10.202.0.0/24' }]],
        routes: [{ dst: '10.202.0.0/16' }],
      },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
};
