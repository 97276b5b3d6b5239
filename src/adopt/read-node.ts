import { isIP } from 'node:net';
import { parse } from 'yaml';
import { z } from 'zod';
import { DEFAULTS } from '../config/defaults.ts';
import { hostOf } from '../config/values.ts';
import { EXIT, UserError } from '../errors.ts';
import { KADM_CONFIG } from '../init/upload-config.ts';
import type { ClusterNetwork } from '../join/context.ts';
import { networkConfiguration } from '../join/discovery.ts';
import { ApiError, KubeClient } from '../kube/client.ts';
import { KUBELET_CLIENT_PEM, KUBELET_KUBECONFIG } from '../node/kubelet.ts';
import { nodeNameIn } from '../node/node-name.ts';
import type { Phase } from '../phases/phase.ts';
import { credentialsFrom } from '../pki/kubeconfig.ts';
import type { AdoptContext } from './context.ts';

/** Where the administrator of a cluster is at home: only control planes have it. */
export const ADMIN_KUBECONFIG = '/etc/kubernetes/admin.conf';

const CONFIG_MAPS = '/api/v1/namespaces/kube-system/configmaps';

const nodeSchema = z.object({
  status: z.object({ addresses: z.array(z.object({ type: z.string(), address: z.string() })).default([]) }),
});
const clusterConfiguration = z.looseObject({
  controlPlaneEndpoint: z.string().optional(),
  apiServer: z.looseObject({ certSANs: z.array(z.string()).optional() }).optional(),
  networking: z
    .looseObject({ podSubnet: z.string().optional(), serviceSubnet: z.string().optional() })
    .optional(),
});

/** Reads, with the kubelet's own rights, which node this is and what the network of its cluster is. */
export const readNode: Phase<AdoptContext> = {
  id: 'read-node',
  title: 'Read what node this is',
  needs: ['preflight'],
  async run(context, step) {
    const { host, ledger } = context;
    const { server, caPem } = credentialsFrom(await textOf(context, KUBELET_KUBECONFIG));
    const pem = await textOf(context, KUBELET_CLIENT_PEM);
    const name = nodeNameIn(pem);
    const role = (await host.stat(ADMIN_KUBECONFIG)) === undefined ? 'worker' : 'control-plane';
    const client = new KubeClient({ server, caPem, certPem: pem, keyPem: pem });
    try {
      const ips = await addressesOf(client, name);
      const present = await networkIn(client);
      const configuration = role === 'worker' ? undefined : await configurationIn(client);
      const network = present ?? (configuration && networkToBe(context, configuration));
      if (network === undefined || network.backend === 'none') throw noNetwork(network);
      const apiNames = configuration === undefined ? [] : apiNamesIn(configuration);
      context.node.set({ name, ip: ips.join(','), role, server, caPem, network, apiNames });
    } finally {
      client.close();
    }
    step.note(`${name}, a ${role === 'worker' ? 'worker' : 'control plane'}`);
    if (ledger.begun !== undefined) return;
    await ledger.append({ verb: 'adopt', state: 'begun', version: context.release().kubernetes });
  },
};

async function textOf({ host }: AdoptContext, path: string): Promise<string> {
  return (await host.readFile(path))?.toString('utf8') ?? '';
}

/** The internal ones, the first of each family. */
async function addressesOf(client: KubeClient, name: string): Promise<string[]> {
  const { status } = nodeSchema.parse(await client.get(`/api/v1/nodes/${name}`));
  const all = status.addresses.flatMap(({ type, address }) => (type === 'InternalIP' ? [address] : []));
  const ips = all.filter((one, index) => all.findIndex((other) => isIP(other) === isIP(one)) === index);
  if (ips.length > 0) return ips;
  throw new UserError(`Node ${name} has no internal address`, {
    remedy: 'see that its kubelet runs: journalctl -u kubelet',
    exitCode: EXIT.preflight,
  });
}

/** Undefined in a cluster that has no network of kadm's: nodes may then not even look. */
async function networkIn(client: KubeClient): Promise<ClusterNetwork | undefined> {
  const text = await configMap(client, KADM_CONFIG.name, KADM_CONFIG.key).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 403) return undefined;
    throw error;
  });
  return text === undefined ? undefined : networkConfiguration.parse(parse(text));
}

type Configuration = z.infer<typeof clusterConfiguration>;

/** What kubeadm was told when it made the cluster. */
async function configurationIn(client: KubeClient): Promise<Configuration> {
  const text = (await configMap(client, 'kubeadm-config', 'ClusterConfiguration')) ?? '{}';
  return clusterConfiguration.parse(parse(text));
}

function apiNamesIn({ controlPlaneEndpoint, apiServer }: Configuration): string[] {
  const endpoint = controlPlaneEndpoint ? [hostOf(controlPlaneEndpoint)] : [];
  return [...endpoint, ...(apiServer?.certSANs ?? [])];
}

/** The network that a cluster made by kubeadm gets: over the addresses that kubeadm was told. */
function networkToBe({ networkSettings }: AdoptContext, { networking }: Configuration): ClusterNetwork {
  if (networking?.podSubnet === undefined) {
    throw new UserError('this cluster was made without addresses for pods (networking.podSubnet)', {
      remedy: 'make it with `kubeadm init --pod-network-cidr`: its nodes have no pod CIDRs else',
      exitCode: EXIT.preflight,
    });
  }
  const list = (cidrs: string): string[] => cidrs.split(',').map((cidr) => cidr.trim());
  return {
    podCidrs: list(networking.podSubnet),
    serviceCidrs: list(networking.serviceSubnet ?? DEFAULTS.serviceCidr),
    ...networkSettings,
  };
}

async function configMap(client: KubeClient, name: string, key: string): Promise<string | undefined> {
  const found = await client.find<{ data?: Record<string, string> }>(`${CONFIG_MAPS}/${name}`);
  return found?.data?.[key];
}

function noNetwork(network: ClusterNetwork | undefined): UserError {
  return network === undefined
    ? new UserError('this cluster has no pod network of kadm’s', {
        remedy: 'run `kadm node adopt` on its control plane first: it gives the cluster one',
        exitCode: EXIT.preflight,
      })
    : new UserError('the pod network of this cluster is somebody else’s (spec.network.backend: none)', {
        remedy: 'there is no agent to give to this node',
        exitCode: EXIT.preflight,
      });
}
