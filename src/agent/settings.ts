import { readFile } from 'node:fs/promises';
import { parse, parseDocument } from 'yaml';
import * as z from 'zod/mini';
import { BACKENDS, type Backend } from '../cni/backend.ts';
import type { NodeNetwork } from '../cni/reconcile.ts';
import { type Cidr, canonicalAddress, parseCidr } from '../config/cidr.ts';
import { nodeIPSchema, nodeNameSchema } from '../config/node-fields.ts';
import { EXIT, hasCode, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';

const path = z.string().check(z.startsWith('/'));

const schema = z.strictObject({
  nodeName: nodeNameSchema,
  nodeIP: z.optional(nodeIPSchema),
  role: z.enum(['control-plane', 'worker']),
  server: z.url({ protocol: /^https$/ }),
  podCidrs: z.array(z.string()).check(z.minLength(1)),
  serviceCidrs: z.array(z.string()),
  /** On control planes: names and addresses of the API server, which no other server may have a certificate for. */
  apiNames: z._default(z.array(z.string()), []),
  network: z.strictObject({
    backend: z.enum([...BACKENDS, 'none']),
    vni: z.int().check(z.minimum(1), z.maximum(16_777_215)),
    port: z.int().check(z.minimum(1), z.maximum(65_535)),
    exclusive: z._default(z.boolean(), false),
  }),
  caFile: path,
  identityFile: path,
  kubeletIdentityFile: path,
});

/** What init and join tell the agent of a node, in /etc/kadm/agent.yaml. */
export interface AgentSettings extends Omit<z.infer<typeof schema>, 'nodeIP' | 'podCidrs' | 'serviceCidrs'> {
  /** The node's own addresses, the primary one first; empty where they are its Node's. */
  readonly nodeIPs: readonly string[];
  readonly podCidrs: readonly Cidr[];
  readonly serviceCidrs: readonly Cidr[];
  /** Where these settings come from. */
  readonly file: string;
}

/** @throws UserError (usage) when there is no such file, or it is not valid */
export async function readAgentSettings(file: string): Promise<AgentSettings> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    throw new UserError(`there is no ${file}: this host is not a node of a cluster`, {
      remedy: 'run `kadm init` or `kadm join` first; they start the agent',
      exitCode: EXIT.usage,
    });
  }
  z.config(z.locales.en());
  const result = schema.safeParse(parse(text));
  if (result.success) {
    const { nodeIP, podCidrs, serviceCidrs, ...rest } = result.data;
    const nodeIPs = nodeIP === undefined ? [] : nodeIP.split(',').map(canonicalAddress);
    const cidrs = { podCidrs: podCidrs.map(parseCidr), serviceCidrs: serviceCidrs.map(parseCidr) };
    return { ...rest, nodeIPs, ...cidrs, file };
  }
  const lines = result.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
  throw new UserError(`${file} is not valid:\n${lines.join('\n')}`, {
    remedy: 'kadm init and kadm join write it; run the one again that made this node',
    exitCode: EXIT.usage,
  });
}

/** The part of the settings that the pod network is planned with. @throws UserError where the network is not kadm's */
export function networkOf(settings: AgentSettings): NodeNetwork {
  const { nodeName, nodeIPs, podCidrs, serviceCidrs, network } = settings;
  const { backend, vni, port } = network;
  if (backend === 'none') {
    throw new UserError('the pod network of this cluster is not kadm’s', { exitCode: EXIT.usage });
  }
  return { nodeName, nodeIPs, backend, clusterCidrs: podCidrs, serviceCidrs, vni, port };
}

/** Keeps a backend that was chosen later: the Node that told it may be deleted and come back without. */
export async function keepBackend(host: Host, file: string, backend: Backend | 'none'): Promise<void> {
  const document = parseDocument((await host.readFile(file))?.toString('utf8') ?? '');
  if (document.getIn(['network', 'backend']) === backend) return;
  document.setIn(['network', 'backend'], backend);
  await host.writeFile(file, document.toString(), { mode: 0o600, uid: 0, gid: 0 });
}
