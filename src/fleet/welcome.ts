import { parse } from 'yaml';
import { z } from 'zod';
import { componentsOf, type Release, releaseFor } from '../components/catalog.ts';
import { ComponentServer } from '../components/server.ts';
import type { Artifact, ComponentStore } from '../components/store.ts';
import { etcdSettings } from '../config/control-plane.ts';
import { clusterConfigurationSchema } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import { LocalHost } from '../host/host.ts';
import { withHostLock } from '../host/host-lock.ts';
import { ApiError, type ClientOptions, detailOf, type KubeClient } from '../kube/client.ts';
import { deleteNode } from '../kube/delete-node.ts';
import { drain } from '../kube/drain.ts';
import { uploadCertificates, withdrawCertificates } from '../kube/kubeadm-certs.ts';
import { createToken, deleteToken } from '../kube/tokens.ts';
import { readSharedFiles } from '../node/shared-pki.ts';
import { waitFor } from '../phases/wait.ts';
import { caCertificateHash } from '../pki/ca-pin.ts';
import { parseToken, tokenExpiry } from '../pki/token.ts';
import type { Executable } from '../ssh/upload.ts';
import { type ClusterNode, clusterNodes, markNode, type NodeMarks } from './nodes.ts';
import { probeNode } from './probe.ts';
import { type ClusterPin, type ComponentOffer, JOIN_TOKEN_TTL_SECONDS, type Reception } from './reception.ts';

export const DRAIN_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 500;
/** What is taken back at the end ends by itself: an API server that goes down just then is not worth a longer wait. */
const CLOSING_TIMEOUT_MS = 10_000;
const LOCK_FILE = '/run/lock/kadm-up.lock';
const DESCRIPTION = 'made by kadm for the workers of one command';
const KUBEADM_CONFIG = '/api/v1/namespaces/kube-system/configmaps/kubeadm-config';

const clusterConfiguration = z.looseObject({
  kubernetesVersion: z.string(),
  etcd: clusterConfigurationSchema.shape.etcd,
});

/** The cluster of a master, as its administrator. */
export interface ClusterAccess {
  readonly client: KubeClient;
  /** URL of the API server, as workers reach it. */
  readonly server: string;
  readonly caPem: string;
}

export interface WelcomeOptions {
  readonly store: ComponentStore;
  /** kadm itself, which workers get from here too. */
  readonly executable: Executable;
  /** The cluster of this host; undefined as long as it has none. */
  readonly access: (options?: ClientOptions) => Promise<ClusterAccess | undefined>;
  /** How long an API server that is not ready is waited for. */
  readonly timeoutMs: number;
  readonly progress: (message: string) => void;
  readonly signal: AbortSignal;
  /** Whether this host has no cluster yet, or one that is half made. */
  readonly makesControlPlane?: boolean;
  /** Of the cluster that is to be; that of the cluster itself where there is one. */
  readonly kubernetesVersion: string;
  /** The address of this host at which workers reach it. */
  readonly address: string;
}

/** The reception of this host. */
export class Welcome implements Reception {
  readonly offer: ComponentOffer;
  readonly #server: ComponentServer;
  readonly #access: WelcomeOptions['access'];
  readonly #unlock: () => Promise<void>;
  #tokenId: string | undefined;
  #uploaded = false;

  private constructor(
    offer: ComponentOffer,
    server: ComponentServer,
    access: WelcomeOptions['access'],
    unlock: () => Promise<void>,
  ) {
    this.offer = offer;
    this.#server = server;
    this.#access = access;
    this.#unlock = unlock;
  }

  /** @throws UserError where the store of this host lacks what a worker needs */
  static async open(options: WelcomeOptions): Promise<Welcome> {
    const { store, executable, access, address, makesControlPlane = false } = options;
    const unlock = makesControlPlane ? await lockControlPlane() : async () => {};
    try {
      // One that is half made may have the files of a cluster, and no API server yet.
      const cluster = makesControlPlane ? undefined : await access();
      const release = releaseFor(await runningVersion(cluster, options));
      const artifacts = await artifactsOf(store, release);
      const server = new ComponentServer(store, artifacts, { files: [executable] });
      const { url } = await server.start(address);
      return new Welcome({ kubernetesVersion: release.kubernetes, url, artifacts }, server, access, unlock);
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  async admit(token: string): Promise<ClusterPin> {
    const parsed = parseToken(token);
    this.#tokenId = parsed.id;
    const pin = await this.#withCluster(async ({ client, server, caPem }) => {
      const expires = tokenExpiry(JOIN_TOKEN_TTL_SECONDS);
      await createToken(client, parsed, { expires, description: DESCRIPTION });
      return { endpoint: new URL(server).host, caCertHash: caCertificateHash(caPem) };
    });
    if (pin === undefined) throw new Error('workers are let in before there is a cluster');
    return pin;
  }

  async expect(token: string): Promise<void> {
    this.#tokenId = parseToken(token).id;
  }

  async uploadCertificates(key: string): Promise<void> {
    await this.#withCluster(async ({ client }) => {
      const { etcd } = await configurationOf(client);
      await uploadCertificates(client, await readSharedFiles(new LocalHost(), etcdSettings(etcd)), key);
    });
    this.#uploaded = true;
  }

  async nodes(): Promise<ClusterNode[]> {
    return (await this.#withCluster(({ client }) => clusterNodes(client))) ?? [];
  }

  async mark(marks: NodeMarks): Promise<void> {
    await this.#withCluster(({ client }) => markNode(client, marks));
  }

  async drain(node: string): Promise<void> {
    const signal = AbortSignal.timeout(2 * DRAIN_TIMEOUT_MS);
    const options = { timeoutMs: DRAIN_TIMEOUT_MS, progress: () => {}, signal };
    await this.#withCluster(({ client }) => drain(client, node, options));
  }

  async forget(node: string): Promise<void> {
    await this.#withCluster(({ client }) => deleteNode(client, node));
  }

  async probe(node: string): Promise<string[]> {
    return (await this.#withCluster(({ client }) => probeNode(client, node))) ?? [];
  }

  async close(): Promise<void> {
    await this.#unlock();
    await this.#server.stop();
    const id = this.#tokenId;
    this.#tokenId = undefined;
    const uploaded = this.#uploaded;
    this.#uploaded = false;
    const bound = { timeoutMs: CLOSING_TIMEOUT_MS };
    if (id !== undefined) await this.#withCluster(({ client }) => deleteToken(client, id), bound);
    if (uploaded) await this.#withCluster(({ client }) => withdrawCertificates(client), bound);
  }

  async #withCluster<T>(
    work: (cluster: ClusterAccess) => Promise<T>,
    options?: ClientOptions,
  ): Promise<T | undefined> {
    const cluster = await this.#access(options);
    try {
      return cluster && (await work(cluster));
    } finally {
      cluster?.client.close();
    }
  }
}

/**
 * Two runs that make a control plane of the same host would get in each other's way, and in that of the workers.
 * @returns what frees the host again
 * @throws UserError (preflight) that says who is at work
 */
async function lockControlPlane(): Promise<() => Promise<void>> {
  const [locked, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const work = async (): Promise<void> => {
    locked.resolve();
    await over.promise;
  };
  const held = withHostLock('kadm up', work, LOCK_FILE);
  await Promise.race([locked.promise, held]);
  return async () => {
    over.resolve();
    await held;
  };
}

/** The cluster's; a control plane that has just been started, with its host perhaps, is waited for. */
async function runningVersion(cluster: ClusterAccess | undefined, options: WelcomeOptions): Promise<string> {
  if (cluster === undefined) return options.kubernetesVersion;
  const { client } = cluster;
  try {
    await waitFor({
      ...options,
      what: 'the API server',
      intervalMs: READY_POLL_MS,
      check: () => notReady(client),
    });
    return (await configurationOf(client)).kubernetesVersion;
  } finally {
    client.close();
  }
}

/** @throws ApiError for an administrator whom it does not know: that does not pass */
async function notReady(client: KubeClient): Promise<string | undefined> {
  try {
    await client.text('/readyz');
    return undefined;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) throw error;
    return detailOf(error);
  }
}

async function configurationOf(client: KubeClient): Promise<z.infer<typeof clusterConfiguration>> {
  const { data } = await client.get<{ data?: Record<string, string> }>(KUBEADM_CONFIG);
  return clusterConfiguration.parse(parse(data?.ClusterConfiguration ?? ''));
}

/** What workers need, and of what control planes need besides that which is there. */
async function artifactsOf(store: ComponentStore, release: Release): Promise<Artifact[]> {
  const index = await store.index(release.kubernetes);
  const needed = componentsOf('worker');
  return componentsOf('control-plane').flatMap((name) => {
    const artifact = index.find((one) => one.name === name);
    if (artifact !== undefined || !needed.includes(name)) return artifact ?? [];
    throw new UserError(`${store.directory} has no ${name} for Kubernetes ${release.kubernetes}`, {
      remedy: 'name another component source in the configuration (docs/configuration.md)',
    });
  });
}
