import { AGENT_PORT } from '../agent/port.ts';
import { type AgentStatus, agentStatusSchema } from '../agent/status.ts';
import { bracketed } from '../config/family.ts';
import { detailOf, KubeClient } from '../kube/client.ts';
import type { ApiCredentials } from '../pki/kubeconfig.ts';

/** Asked at once. */
const CONCURRENCY = 32;
const TIMEOUT_MS = 5_000;
/** A status of 5,000 peers has 1.5 MB. */
const MAX_BYTES = 16 * 1024 * 1024;

/** A node, and what its agent says, or why it says nothing. */
export interface NodeReport {
  readonly node: string;
  readonly address: string | undefined;
  readonly architecture: string;
  readonly status?: AgentStatus;
  readonly error?: string;
}

interface Node {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly nodeInfo?: { readonly architecture?: string };
  };
}

/** Asks the agent of every node, side by side; one that does not answer holds up no other. */
export async function askAgents(client: KubeClient, credentials: ApiCredentials): Promise<NodeReport[]> {
  const { items } = await client.list<Node>('/api/v1/nodes');
  const { default: pLimit } = await import('p-limit');
  const limit = pLimit(CONCURRENCY);
  return await Promise.all(items.map((node) => limit(() => askAgent(node, credentials))));
}

async function askAgent({ metadata, status }: Node, credentials: ApiCredentials): Promise<NodeReport> {
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  const report = {
    node: metadata.name,
    address,
    architecture: status?.nodeInfo?.architecture ?? '',
  };
  if (address === undefined) return { ...report, error: 'its Node tells no address' };
  const agent = new KubeClient(
    { ...credentials, server: `https://${bracketed(address)}:${AGENT_PORT}` },
    { timeoutMs: TIMEOUT_MS, maxResponseBytes: MAX_BYTES },
  );
  try {
    return { ...report, status: agentStatusSchema.parse(await agent.get('/status')) };
  } catch (error) {
    return { ...report, error: detailOf(error) };
  } finally {
    agent.close();
  }
}
