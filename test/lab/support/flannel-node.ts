import { z } from 'zod';
import type { LabHost } from '../../../src/lab/lab-host.ts';
import type { Kubectl } from './kubectl.ts';
import type { PodEndpoint } from './pod-network.ts';

const nodesSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
      spec: z.object({ podCIDRs: z.array(z.string()).default([]) }),
    }),
  ),
});
const backendData = z.object({ VNI: z.number(), VtepMAC: z.string() });
const PREFIX = 'flannel.alpha.coreos.com';

/** What the two families of flannel's have otherwise. */
const FLANNEL = {
  4: { device: 'flannel.1', mtu: 1_450, length: 24, data: 'backend-data', ip: 'public-ip', nodad: '' },
  6: {
    device: 'flannel-v6.1',
    mtu: 1_430,
    length: 64,
    data: 'backend-v6-data',
    ip: 'public-ipv6',
    nodad: 'nodad',
  },
} as const;

type FlannelFamily = (typeof FLANNEL)[4 | 6];

/** The part of a node's network that is of one family. */
type Tunnel = FlannelFamily & {
  /** First address of the pod CIDR, which is the tunnel's own. */
  readonly base: string;
  readonly gateway: string;
  readonly pod: string;
  /** Of the host, where its tunnel's packets come from. */
  readonly local: string;
};

/**
 * A node of flannel's, without flannel: VXLAN set up by hand as its documentation and its vxlan backend have it
 * (device flannel.VNI, of IPv6 flannel-v6.VNI, without learning; per peer a route by way of the other's device address,
 * a neighbour, and a forwarding entry), and announced by its annotations. kadm knows nothing of this host.
 */
export class FlannelNode {
  readonly #host: LabHost;
  readonly #kubectl: Kubectl;
  readonly #tunnels: readonly Tunnel[];

  /** @param podCidrs a /24 such as 10.244.77.0/24, and with IPv6 a /64 such as fd00:10:244:77::/64 */
  constructor(host: LabHost, kubectl: Kubectl, podCidrs: readonly string[]) {
    this.#host = host;
    this.#kubectl = kubectl;
    this.#tunnels = podCidrs.map((podCidr) => {
      const [base = ''] = podCidr.split('/');
      const at = (number: number): string => base.replace(/(?<=:)$|0$/, String(number));
      const [family, local] = base.includes(':') ? [FLANNEL[6], host.ipv6] : [FLANNEL[4], host.address];
      return { ...family, base, gateway: at(1), pod: at(5), local };
    });
  }

  async start(): Promise<PodEndpoint> {
    const mtu = Math.min(...this.#tunnels.map((tunnel) => tunnel.mtu));
    await this.#sh(`
      sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
      ip netns add pod
      ip link add vethpod mtu ${mtu} type veth peer name eth0 mtu ${mtu} netns pod
      ip link set vethpod up
      ip -n pod link set eth0 up`);
    for (const { device, mtu: ofTunnel, length, nodad, base, gateway, pod, local } of this.#tunnels) {
      await this.#sh(`
        ip link add ${device} type vxlan id 1 local ${local} dev eth0 dstport 8472 nolearning
        ip address add ${base} dev ${device} ${nodad}
        ip link set ${device} mtu ${ofTunnel} up
        ip address add ${gateway}/${length} dev vethpod ${nodad}
        ip -n pod address add ${pod}/${length} dev eth0 ${nodad}
        ip -n pod route add default via ${gateway}`);
    }
    const podCIDRs = this.#tunnels.map(({ base, length }) => `${base}/${length}`);
    await this.#kubectl.apply([
      {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name: this.#host.name, annotations: await this.#annotations() },
        spec: { podCIDR: podCIDRs[0], podCIDRs },
      },
    ]);
    const addresses = this.#tunnels.map(({ pod }) => pod);
    const [address = ''] = addresses;
    return { host: this.#host, address, addresses, namespace: '/run/netns/pod' };
  }

  /** New MAC addresses, as flannel has after its devices were made anew. @param last of them, in hexadecimal */
  async changeMac(last: string): Promise<void> {
    for (const [index, { device }] of this.#tunnels.entries())
      await this.#sh(`ip link set ${device} address 7a:00:00:00:0${index}:${last}`);
    const pairs = Object.entries(await this.#annotations()).map(([key, value]) => `${key}=${value}`);
    await this.#kubectl.run('annotate', '--overwrite', 'node', this.#host.name, ...pairs);
  }

  /** What flanneld does for each Node that it hears of. */
  async follow(): Promise<void> {
    const { items } = await this.#kubectl.get(nodesSchema, 'nodes');
    const others = items.filter(
      ({ metadata: { name, annotations } }) =>
        name !== this.#host.name && annotations[`${PREFIX}/backend-type`] === 'vxlan',
    );
    const lines = others.flatMap(({ metadata: { annotations }, spec: { podCIDRs } }) =>
      this.#tunnels.map(({ device, data, ip, nodad }) => {
        const podCidr = podCIDRs.find((one) => one.includes(':') === (nodad !== ''));
        if (podCidr === undefined) return '';
        const { VtepMAC } = backendData.parse(JSON.parse(annotations[`${PREFIX}/${data}`] ?? ''));
        const [base] = podCidr.split('/');
        return `
          ip neigh replace ${base} lladdr ${VtepMAC} dev ${device} nud permanent
          bridge fdb replace ${VtepMAC} dev ${device} dst ${annotations[`${PREFIX}/${ip}`]}
          ip route replace ${podCidr} via ${base} dev ${device} onlink`;
      }),
    );
    await this.#sh(lines.join('\n'));
  }

  async #annotations(): Promise<Record<string, string>> {
    const announced = await Promise.all(
      this.#tunnels.map(async ({ device, data, ip, local }) => {
        const mac = (await this.#host.exec(['cat', `/sys/class/net/${device}/address`])).stdout.trim();
        return {
          [`${PREFIX}/${data}`]: JSON.stringify({ VNI: 1, VtepMAC: mac }),
          [`${PREFIX}/${ip}`]: local,
        };
      }),
    );
    return Object.assign(
      { [`${PREFIX}/backend-type`]: 'vxlan', [`${PREFIX}/kube-subnet-manager`]: 'true' },
      ...announced,
    );
  }

  async #sh(script: string): Promise<void> {
    await this.#host.exec(['sh', '-e', '-c', script]);
  }
}
