import { stringify } from 'yaml';
import unitTemplate from '../../templates/agent/kadm-agent.service';
import { AGENT_SETTINGS } from '../agent/paths.ts';
import type { NetworkSettings } from '../config/settings.ts';
import type { Changes } from '../phases/changes.ts';
import { AGENT_IDENTITY } from '../pki/pki.ts';

/** What the agent of one node is told; src/agent/settings.ts reads it. */
export interface AgentNode {
  readonly nodeName: string;
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
