import { stringify } from 'yaml';
import { z } from 'zod';
import unitTemplate from '../../templates/agent/kadm-agent.service';
import { AGENT_SETTINGS } from '../agent/paths.ts';
import {
  hasNetworkManager,
  NETWORK_MANAGER_SETTINGS,
  networkManagerSettings,
  reloadNetworkManager,
} from '../cni/network-manager.ts';
import type { NetworkSettings } from '../config/networks.ts';
import type { Changes } from '../phases/changes.ts';
import { AGENT_IDENTITY } from '../pki/pki.ts';

/** What the agent of one node is told; src/agent/settings.ts reads it. */
export interface AgentNode {
  readonly nodeName: string;
  /** One address, or two with a comma between them. */
  readonly nodeIP: string;
  readonly role: 'control-plane' | 'worker';
  /** URL of the API server. */
  readonly server: string;
  readonly podCidrs: readonly string[];
  readonly serviceCidrs: readonly string[];
  readonly network: NetworkSettings;
  /** On control planes: names and addresses of the API server. */
  readonly apiNames?: readonly string[];
}

/** Writes the agent's settings and starts its unit. */
export async function startAgent(changes: Changes, node: AgentNode): Promise<void> {
  if (node.podCidrs.some((cidr) => cidr.includes(':'))) await forwardIpv6(changes);
  if (node.network.backend !== 'none') await keepNetworkManagerOut(changes, node.network.vni);
  const settings = {
    ...node,
    caFile: '/etc/kubernetes/pki/ca.crt',
    identityFile: AGENT_IDENTITY,
    kubeletIdentityFile: '/var/lib/kubelet/pki/kubelet-client-current.pem',
  };
  await changes.service('kadm-agent.service', unitTemplate, [
    { path: AGENT_SETTINGS, content: stringify(settings), mode: 0o600 },
  ]);
}

/** Before the devices come: NetworkManager, where there is one, is to leave them to the agent. */
async function keepNetworkManagerOut(changes: Changes, vni: number): Promise<void> {
  if (!(await hasNetworkManager(changes.host))) return;
  const changed = await changes.file(NETWORK_MANAGER_SETTINGS, networkManagerSettings(vni), 0o644);
  if (changed) await reloadNetworkManager(changes.host);
}

const routesSchema = z.array(z.object({ dev: z.string() }));

/**
 * Lets the host pass on IPv6 packets of pods, now and after the next boot. A host that forwards does not take routes
 * from router advertisements any more (ip-sysctl.rst, accept_ra); one that lives by them goes on with 2.
 */
async function forwardIpv6(changes: Changes): Promise<void> {
  const { stdout } = await changes.host.query(['ip', '-json', '-6', 'route', 'show', 'proto', 'ra']);
  const advertised = routesSchema.parse(stdout.trim() === '' ? [] : JSON.parse(stdout));
  const settings = [
    ...new Set(advertised.map(({ dev }) => `net/ipv6/conf/${dev}/accept_ra = 2`)),
    'net.ipv6.conf.all.forwarding = 1',
  ];
  for (const setting of settings) {
    const [key = '', value = ''] = setting.split(' = ');
    await changes.sysctl(key, value);
  }
  await changes.file('/etc/sysctl.d/91-kadm-ipv6.conf', `${settings.join('\n')}\n`, 0o644);
}
