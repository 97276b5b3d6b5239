import { parse } from 'yaml';
import { z } from 'zod';
import { componentsOf, type Release, releaseFor } from '../components/catalog.ts';
import { ComponentServer } from '../components/server.ts';
import type { Artifact, ComponentStore } from '../components/store.ts';
import { etcdSettings } from '../config/control-plane.ts';
import { clusterConfigurationSchema } from '../config/schema.ts';
import { messageOf, UserError } from '../errors.ts';
import { LocalHost } from '../host/host.ts';
import { withHostLock } from '../host/host-lock.ts';
import type { KubeClient } from '../kube/client.ts';
import { deleteNode } from '../kube/delete-node.ts';
import { drain } from '../kube/drain.ts';
import { uploadCertificates, withdrawCertificates } from '../kube/kubeadm-certs.ts';
import { createToken, deleteToken } from '../kube/tokens.ts';
import { readSharedFiles } from '../node/shared-pki.ts';
import type { Emit } from '../phases/events.ts';
import { caCertificateHash } from '../pki/ca-pin.ts';
import { parseToken, tokenExpiry } from '../pki/token.ts';
import type { Executable } from '../ssh/upload.ts';
import { type ClusterNode, clusterNodes, markNode, type NodeMarks } from './nodes.ts';
import { probeNode } from './probe.ts';

/** Longer than a join is allowed to take, and no longer. */
export const JOIN_TOKEN_TTL_SECONDS = 20 * 60;

export const DRAIN_TIMEOUT_MS = 120_000;
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

/** Where joining workers get components: the digests go to them over SSH, the files come from the URL. */
export interface ComponentOffer {
  readonly kubernetesVersion: string;
  readonly url: string;
  readonly artifacts: readonly Artifact[];
}

/** What a worker has to know of the cluster that it joins, without the token. */
export interface ClusterPin {
  /** host:port of the API server. */
  readonly endpoint: string;
  /** sha256:HEX */
  readonly caCertHash: string;
}

export interface WelcomeOptions {
  readonly store: ComponentStore;
  /** kadm itself, which workers get from here too. */
  readonly executable: Executable;
  /** The cluster of this host; undefined as long as it has none. */
  readonly access: () => Promise<ClusterAccess | undefined>;
  /** Whether this host has no cluster yet, or one that is half made. */
  readonly makesControlPlane?: boolean;
  /** Of the cluster that is to be; that of the cluster itself where there is one. */
  readonly kubernetesVersion: string;
  /** The address of this host at which workers reach it. */
  readonly address: string;
}

/** What a master does for workers that join: it serves components, and a token lives as long as that. */
export interface Reception {
  readonly offer: ComponentOffer;
  /** Lets workers in with this token until the end. */
  admit(token: string): Promise<ClusterPin>;
  /** The same for a token that init is about to make. */
  expect(token: string): Promise<void>;
  /** Keeps the certificates of this control plane in the cluster until the end, for others that have the key. */
  uploadCertificates(key: string): Promise<void>;
  nodes(): Promise<ClusterNode[]>;
  /** Tells a Node what its file says of it. */
  mark(marks: NodeMarks): Promise<void>;
  /** Moves the pods of a node to others. */
  drain(node: string): Promise<void>;
  /** Deletes a Node. */
  forget(node: string): Promise<void>;
  /** What does not get through between this master and a node, a line each. */
  probe(node: string): Promise<string[]>;
  /** Serves nothing more, revokes the token, and takes the certificates back. */
  close(): Promise<void>;
}

/** @throws UserError when a node that has joined is not reached as nodes have to be */
export async function demandReachable(reception: Reception, host: string, node: string): Promise<void> {
  const problems = await reception.probe(node);
  if (problems.length === 0) return;
  throw new UserError(`${host}: it has joined as ${node}, but ${problems.join('; ')}`, {
    remedy:
      'open it in the firewalls of both hosts and between them: TCP 10250 to every node, TCP 6443 to the control plane, UDP 8472 between all nodes',
  });
}

/** Ends a reception. What that fails of is told, and never in place of what came before. */
export async function closeReception(reception: Reception | undefined, emit: Emit): Promise<void> {
  try {
    await reception?.close();
  } catch (error) {
    const message = `the join token could not be revoked; it ends by itself: ${messageOf(error)}`;
    emit({ type: 'warning', path: [], message });
  }
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
    const { store, executable, access, kubernetesVersion, address, makesControlPlane = false } = options;
    const unlock = makesControlPlane ? await lockControlPlane() : async () => {};
    try {
      // One that is half made may have the files of a cluster, and no API server yet.
      const cluster = makesControlPlane ? undefined : await access();
      const release = releaseFor(await runningVersion(cluster, kubernetesVersion));
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
    if (id !== undefined) await this.#withCluster(({ client }) => deleteToken(client, id));
    if (this.#uploaded) await this.#withCluster(({ client }) => withdrawCertificates(client));
    this.#uploaded = false;
  }

  async #withCluster<T>(work: (cluster: ClusterAccess) => Promise<T>): Promise<T | undefined> {
    const cluster = await this.#access();
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

async function runningVersion(cluster: ClusterAccess | undefined, otherwise: string): Promise<string> {
  if (cluster === undefined) return otherwise;
  try {
    return (await configurationOf(cluster.client)).kubernetesVersion;
  } finally {
    cluster.client.close();
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
