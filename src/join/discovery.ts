import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { releaseFor } from '../components/catalog.ts';
import { networkSchema } from '../config/schema.ts';
import { EXIT, UserError } from '../errors.ts';
import { ApiError, KubeClient } from '../kube/client.ts';
import { type ClusterInfo, fetchClusterInfo } from '../kube/cluster-info.ts';
import { wantedArtifacts } from '../node/components.ts';
import type { Phase } from '../phases/phase.ts';
import { isSignedFor, verifyClusterInfo } from '../pki/jws.ts';
import { parseToken } from '../pki/token.ts';
import type { Cluster, JoinContext } from './context.ts';
import { whileSettling } from './settling.ts';

const clusterConfiguration = z.looseObject({ kubernetesVersion: z.string() });
const kubeletConfiguration = z.looseObject({ kind: z.literal('KubeletConfiguration') });
const networkConfiguration = z.object({
  podCidrs: z.array(z.string()),
  serviceCidrs: z.array(z.string()),
  backend: networkSchema.shape.backend.unwrap(),
  vni: z.number(),
  port: z.number(),
  exclusive: z.boolean().default(false),
});

const SIGNATURE_TIMEOUT_MS = 10_000;
const SIGNATURE_POLL_MS = 200;

interface ConfigMap {
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * Finds out whose cluster this is: cluster-info must be signed with the token, and its CA must have the
 * hash that was given. Only then is anything believed or changed.
 */
export const discovery: Phase<JoinContext> = {
  id: 'discovery',
  title: 'Verify the cluster',
  needs: ['preflight'],
  async run(context, step) {
    step.progress('waiting to be told the cluster');
    const settings = await context.assignment();
    const token = parseToken(settings.token);
    step.progress(`reading cluster-info from ${settings.endpoint}`);
    const configMap = await clusterInfoOnceSigned(`https://${settings.endpoint}`, token.id, step.signal);
    const pins = settings.unsafeSkipCAVerification ? undefined : settings.caCertHashes;
    const { server, caPem } = verifyClusterInfo(configMap, token, pins);
    const client = new KubeClient({ server, caPem, token: settings.token });
    try {
      context.cluster.set({ settings, server, caPem, ...(await readConfiguration(client)) });
    } finally {
      client.close();
    }
    await wantedArtifacts(context);
    if (context.host.dryRun || context.ledger.begun !== undefined) return;
    await context.ledger.append({ verb: 'join', state: 'begun', version: context.release().kubernetes });
  },
};

/** The cluster signs with a new token a moment after it was made; one that it will never know ends the wait. */
async function clusterInfoOnceSigned(
  server: string,
  tokenId: string,
  signal: AbortSignal,
): Promise<ClusterInfo> {
  const end = performance.now() + SIGNATURE_TIMEOUT_MS;
  for (;;) {
    const configMap = await fetchClusterInfo(server, signal);
    if (isSignedFor(configMap.data, tokenId) || performance.now() > end) return configMap;
    await sleep(SIGNATURE_POLL_MS, undefined, { signal });
  }
}

async function readConfiguration(
  client: KubeClient,
): Promise<Omit<Cluster, 'settings' | 'server' | 'caPem'>> {
  const [cluster, kubelet, network] = await Promise.all([
    readKey(client, 'kubeadm-config', 'ClusterConfiguration'),
    readKey(client, 'kubelet-config', 'kubelet'),
    readKey(client, 'kadm-config', 'network').catch(absent),
  ]);
  const { kubernetesVersion } = clusterConfiguration.parse(parse(cluster ?? ''));
  return {
    kubernetesVersion: releaseFor(kubernetesVersion).kubernetes,
    kubeletConfiguration: kubeletConfiguration.parse(parse(kubelet ?? '')),
    network: network === undefined ? undefined : networkConfiguration.parse(parse(network)),
  };
}

async function readKey(client: KubeClient, name: string, key: string): Promise<string | undefined> {
  try {
    const path = `/api/v1/namespaces/kube-system/configmaps/${name}`;
    const { data } = await whileSettling(() => client.get<ConfigMap>(path));
    return data?.[key];
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      throw new UserError('the cluster does not accept the join token: it is wrong or has expired', {
        remedy: 'on the master, `kadm token create --print-join-command` makes a new one',
        exitCode: EXIT.preflight,
        cause: error,
      });
    }
    throw error;
  }
}

/** A cluster of kubeadm has no ConfigMap of kadm's; who may not read it is told that it is forbidden. */
function absent(error: unknown): undefined {
  if (error instanceof ApiError && (error.status === 404 || error.status === 403)) return undefined;
  throw error;
}
