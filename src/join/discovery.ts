import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { releaseFor } from '../components/catalog.ts';
import { parseCidr } from '../config/cidr.ts';
import type { Family } from '../config/family.ts';
import { OFFICIAL_IMAGES } from '../config/image-names.ts';
import type { JoinSettings } from '../config/join-settings.ts';
import { networkSchema } from '../config/schema.ts';
import type { Timeouts } from '../config/timeouts.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { ApiError, ConnectionError, KubeClient } from '../kube/client.ts';
import { CLUSTER_INFO_TIMEOUT_MS, type ClusterInfo, fetchClusterInfo } from '../kube/cluster-info.ts';
import { clockOfCluster } from '../node/clock.ts';
import { wantedArtifacts } from '../node/components.ts';
import { familiesOf, nodeIPs } from '../node/node-ips.ts';
import { runChecks } from '../node/preflight.ts';
import type { Phase, Step } from '../phases/phase.ts';
import { isSignedFor, verifyClusterInfo } from '../pki/jws.ts';
import { credentialsIn } from '../pki/kubeconfig.ts';
import { parseToken } from '../pki/token.ts';
import type { Cluster, JoinContext } from './context.ts';
import { whileSettling } from './settling.ts';

const imageChoice = z.object({ imageRepository: z.string().optional(), imageTag: z.string().optional() });
const clusterConfiguration = z.looseObject({
  kubernetesVersion: z.string(),
  imageRepository: z.string().optional(),
  dns: imageChoice.optional(),
  etcd: z.object({ local: imageChoice.optional() }).optional(),
  controlPlaneEndpoint: z.string().optional(),
  networking: z.looseObject({ podSubnet: z.string().optional() }).optional(),
});
const kubeletConfiguration = z.looseObject({ kind: z.literal('KubeletConfiguration') });
/** What the ConfigMap kadm-config says of the pod network. */
export const networkConfiguration = z.object({
  podCidrs: z.array(z.string()),
  serviceCidrs: z.array(z.string()),
  backend: networkSchema.shape.backend.unwrap(),
  vni: z.number(),
  port: z.number(),
  exclusive: z.boolean().default(false),
});

const SIGNATURE_TIMEOUT_MS = 10_000;
const SIGNATURE_POLL_MS = 200;
const LAST_CALL_MS = 1_000;

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
    const found = await verified(settings, context.host, step);
    const client = new KubeClient(found.access, { timeoutMs: settings.timeouts.apiCallMs });
    try {
      const { families, controlPlaneEndpoint, ...read } = await readConfiguration(client);
      if (settings.controlPlane !== undefined) demandStableEndpoint(controlPlaneEndpoint);
      const nodeIP = await nodeIPs(context.host, settings.nodeIP, families);
      context.cluster.set({ settings, nodeIP, ...found, ...read });
    } finally {
      client.close();
    }
    await wantedArtifacts(context);
    if (context.host.dryRun || context.ledger.begun !== undefined) return;
    await context.ledger.append({ verb: 'join', state: 'begun', version: context.release().kubernetes });
  },
};

type Found = Pick<Cluster, 'server' | 'caPem' | 'access'>;

/** The cluster as its signed cluster-info, or a kubeconfig of this host, says. */
async function verified(settings: JoinSettings, host: Host, step: Step): Promise<Found> {
  const { discovery, tlsBootstrapToken } = settings;
  if (discovery.kind === 'file') return await fromFile(discovery.path, tlsBootstrapToken, host);
  const token = parseToken(discovery.token);
  step.progress(`reading cluster-info from ${discovery.endpoint}`);
  const configMap = await clusterInfoOnceSigned(discovery.endpoint, settings.timeouts, token.id, step.signal);
  const pins = discovery.unsafeSkipCAVerification ? undefined : discovery.caCertHashes;
  const { server, caPem } = verifyClusterInfo(configMap, token, pins);
  // Before anything fails because a certificate is not valid by this clock.
  const { clockAheadMs = 0 } = configMap;
  await runChecks([clockOfCluster(clockAheadMs)], settings.ignorePreflightErrors, step);
  return { server, caPem, access: { server, caPem, token: tlsBootstrapToken ?? discovery.token } };
}

/** A kubeconfig that somebody brought here: it is believed, and its user is this host where no token is given. */
async function fromFile(path: string, token: string | undefined, host: Host): Promise<Found> {
  const text = (await host.readFile(path))?.toString('utf8');
  if (text === undefined) {
    throw new UserError(`there is no kubeconfig ${path}`, {
      remedy: 'name another with --discovery-file',
      exitCode: EXIT.usage,
    });
  }
  const { server, caPem, ...user } = credentialsIn(path, text, (file) => readFileSync(file, 'utf8'));
  if (token === undefined && user.token === undefined && user.certPem === undefined) {
    throw new UserError(`${path} says where the cluster is, but not who this host is`, {
      remedy: 'give --tls-bootstrap-token, or discovery.tlsBootstrapToken in the configuration',
      exitCode: EXIT.usage,
    });
  }
  return { server, caPem, access: { server, caPem, ...(token === undefined ? user : { token }) } };
}

/** The cluster signs with a new token a moment after it was made; one that it will never know ends the wait. */
async function clusterInfoOnceSigned(
  endpoint: string,
  { discoveryMs }: Timeouts,
  tokenId: string,
  signal: AbortSignal,
): Promise<ClusterInfo> {
  const start = performance.now();
  const leftOf = (boundMs: number): number => start + boundMs - performance.now();
  for (;;) {
    try {
      const callMs = discoveryMs === undefined ? undefined : callBound(leftOf(discoveryMs));
      const configMap = await fetchClusterInfo(`https://${endpoint}`, signal, callMs);
      const signed = isSignedFor(configMap.data, tokenId);
      if (signed || leftOf(discoveryMs ?? SIGNATURE_TIMEOUT_MS) < 0) return configMap;
    } catch (error) {
      // An API server that is not there is waited for when somebody said how long.
      if (discoveryMs === undefined || signal.aborted) throw error;
      if (leftOf(discoveryMs) < 0) throw notDiscovered(discoveryMs, error);
    }
    await sleep(SIGNATURE_POLL_MS, undefined, { signal });
  }
}

/** What one call may take of the time that is left; the last one enough to be answered. */
function callBound(leftMs: number): number {
  return Math.min(CLUSTER_INFO_TIMEOUT_MS, Math.max(LAST_CALL_MS, Math.ceil(leftMs)));
}

function notDiscovered(boundMs: number, error: unknown): unknown {
  if (!(error instanceof UserError)) return error;
  return new UserError(`no cluster was discovered within ${boundMs / 1000} s: ${error.message}`, {
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    exitCode: error.exitCode,
    cause: error,
  });
}

type Configuration = Omit<Cluster, 'settings' | 'nodeIP' | keyof Found> & {
  /** Of the addresses that pods have, the primary one first. */
  readonly families: readonly Family[];
  readonly controlPlaneEndpoint: string | undefined;
};

async function readConfiguration(client: KubeClient): Promise<Configuration> {
  const [cluster, kubelet, network] = await Promise.all([
    readKey(client, 'kubeadm-config', 'ClusterConfiguration'),
    readKey(client, 'kubelet-config', 'kubelet'),
    readKey(client, 'kadm-config', 'network').catch(absent),
  ]);
  const text = cluster ?? '';
  const configuration = clusterConfiguration.parse(parse(text));
  const { kubernetesVersion, imageRepository, dns, etcd, networking, controlPlaneEndpoint } = configuration;
  return {
    clusterConfiguration: text,
    images: {
      ...OFFICIAL_IMAGES,
      repository: imageRepository ?? OFFICIAL_IMAGES.repository,
      etcd: { repository: etcd?.local?.imageRepository, tag: etcd?.local?.imageTag },
      dns: { repository: dns?.imageRepository, tag: dns?.imageTag },
    },
    kubernetesVersion: releaseFor(kubernetesVersion).kubernetes,
    kubeletConfiguration: kubeletConfiguration.parse(parse(kubelet ?? '')),
    families: podFamilies(networking?.podSubnet),
    controlPlaneEndpoint,
    network: network === undefined ? undefined : networkConfiguration.parse(parse(network)),
  };
}

/** By which others reach the cluster whichever control plane is away; kubeadm asks for it too. */
function demandStableEndpoint(endpoint: string | undefined): void {
  if (endpoint) return;
  throw new UserError('this cluster has no control-plane endpoint, so it can have no second control plane', {
    remedy:
      'make it with `kadm init --control-plane-endpoint NAME`, a name or address that can lead to each control plane',
    exitCode: EXIT.preflight,
  });
}

function podFamilies(podSubnet: string | undefined): Family[] {
  const cidrs = podSubnet?.split(',').filter((text) => text.trim() !== '') ?? [];
  return familiesOf(cidrs.map((text) => parseCidr(text.trim())));
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
    if (!(error instanceof ConnectionError)) throw error;
    throw new UserError(error.message, {
      ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
      exitCode: EXIT.preflight,
      cause: error,
    });
  }
}

/** A cluster of kubeadm has no ConfigMap of kadm's; who may not read it is told that it is forbidden. */
function absent(error: unknown): undefined {
  if (error instanceof ApiError && (error.status === 404 || error.status === 403)) return undefined;
  throw error;
}
