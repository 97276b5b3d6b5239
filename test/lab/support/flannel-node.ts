import { z } from 'zod';
import type { LabHost } from '../../../src/lab/lab-host.ts';
import type { Kubectl } from './kubectl.ts';
import type { Endpoint } from './pod-network.ts';

const nodesSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
      spec: z.object({ podCIDR: z.string().optional() }),
    }),
  ),
});
const backendData = z.object({ VNI: z.number(), VtepMAC: z.string() });
const PREFIX = 'flannel.alpha.coreos.com';

/**
 * A node of flannel's, without flannel: VXLAN set up by hand as its documentation and its vxlan backend have it
 * (device flannel.VNI without learning; per peer a route by way of the other's device address, a neighbour, and a
 * forwarding entry), and announced by its four annotations. kadm knows nothing of this host.
 */
export class FlannelNode {
  readonly #host: LabHost;
  readonly #kubectl: Kubectl;
  readonly #subnet: string;

  /** @param subnet such as 10.244.77, of a /24 */
  constructor(host: LabHost, kubectl: Kubectl, subnet: string) {
    this.#host = host;
    this.#kubectl = kubectl;
    this.#subnet = subnet;
  }

  async start(): Promise<Endpoint> {
    const { name, address } = this.#host;
    const base = `${this.#subnet}.0`;
    await this.#sh(`
      sysctl -qw net.ipv4.ip_forward=1
      ip link add flannel.1 type vxlan id 1 local ${address} dev eth0 dstport 8472 nolearning
      ip address add ${base}/32 dev flannel.1
      ip link set flannel.1 mtu 1450 up
      ip netns add pod
      ip link add vethpod mtu 1450 type veth peer name eth0 mtu 1450 netns pod
      ip address add ${this.#subnet}.1/24 dev vethpod
      ip link set vethpod up
      ip -n pod address add ${this.#subnet}.5/24 dev eth0
      ip -n pod link set eth0 up
      ip -n pod route add default via ${this.#subnet}.1`);
    await this.#kubectl.apply([
      {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name, annotations: await this.#annotations() },
        spec: { podCIDR: `${base}/24`, podCIDRs: [`${base}/24`] },
      },
    ]);
    return { host: this.#host, address: `${this.#subnet}.5`, namespace: '/run/netns/pod' };
  }

  /** A new MAC address, as flannel has after its device was made anew. */
  async changeMac(mac: string): Promise<void> {
    await this.#sh(`ip link set flannel.1 address ${mac}`);
    const pairs = Object.entries(await this.#annotations()).map(([key, value]) => `${key}=${value}`);
    await this.#kubectl.run('annotate', '--overwrite', 'node', this.#host.name, ...pairs);
  }

  /** What flanneld does for each Node that it hears of. */
  async follow(): Promise<void> {
    const { items } = await this.#kubectl.get(nodesSchema, 'nodes');
    const lines = items
      .filter(({ metadata, spec }) => metadata.name !== this.#host.name && spec.podCIDR !== undefined)
      .filter(({ metadata }) => metadata.annotations[`${PREFIX}/backend-type`] === 'vxlan')
      .map(({ metadata: { annotations }, spec: { podCIDR = '' } }) => {
        const { VtepMAC } = backendData.parse(JSON.parse(annotations[`${PREFIX}/backend-data`] ?? ''));
        const [base] = podCIDR.split('/');
        return `
          ip neigh replace ${base} lladdr ${VtepMAC} dev flannel.1 nud permanent
          bridge fdb replace ${VtepMAC} dev flannel.1 dst ${annotations[`${PREFIX}/public-ip`]}
          ip route replace ${podCIDR} via ${base} dev flannel.1 onlink`;
      });
    await this.#sh(lines.join('\n'));
  }

  async #annotations(): Promise<Record<string, string>> {
    const mac = (await this.#host.exec(['cat', '/sys/class/net/flannel.1/address'])).stdout.trim();
    return {
      [`${PREFIX}/backend-data`]: JSON.stringify({ VNI: 1, VtepMAC: mac }),
      [`${PREFIX}/backend-type`]: 'vxlan',
      [`${PREFIX}/kube-subnet-manager`]: 'true',
      [`${PREFIX}/public-ip`]: this.#host.address,
    };
  }

  async #sh(script: string): Promise<void> {
    await this.#host.exec(['sh', '-e', '-c', script]);
  }
}
