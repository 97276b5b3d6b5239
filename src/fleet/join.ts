import { stringify } from 'yaml';
import { componentsOf, releaseFor } from '../components/catalog.ts';
import { ComponentServer } from '../components/server.ts';
import type { Artifact, ComponentStore } from '../components/store.ts';
import type { Documents } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Emit } from '../phases/events.ts';
import { caCertificateHash } from '../pki/ca-pin.ts';
import type { ConnectOptions } from '../ssh/connection.ts';
import type { Executable } from '../ssh/remote-run.ts';
import type { SshTarget } from '../ssh/target.ts';
import { onEachHost, throwFailures } from './hosts.ts';
import { withJoinToken } from './join-token.ts';
import { runVerbOnHost } from './run-verb.ts';

export interface FleetJoin {
  readonly targets: readonly SshTarget[];
  readonly connect: ConnectOptions;
  readonly executable: Executable;
  /** The cluster as its administrator. */
  readonly client: KubeClient;
  /** host:port of the API server, as workers reach it. */
  readonly endpoint: string;
  readonly caPem: string;
  readonly kubernetesVersion: string;
  /** The address of this host from which workers fetch components. */
  readonly address: string;
  readonly store: ComponentStore;
  /** The configuration of this host: settings of containerd and the like hold for the workers too. */
  readonly documents: Documents;
  readonly ignorePreflightErrors: readonly string[];
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Joins workers over SSH, all at once: on each the same `kadm join` that a person would type there. They
 * fetch components from this host; the digests reach them over SSH. The token lives as long as this call.
 */
export async function joinHosts(join: FleetJoin): Promise<void> {
  const release = releaseFor(join.kubernetesVersion);
  const wanted = new Set<string>(componentsOf('worker'));
  const artifacts = (await join.store.index(release.kubernetes)).filter(({ name }) => wanted.has(name));
  const server = new ComponentServer(
    join.store,
    artifacts.map(({ sha256 }) => sha256),
  );
  const { url } = await server.start(join.address);
  try {
    await withJoinToken(join.client, async (token) => {
      const input = joinConfiguration(join, token, url, artifacts);
      const targets = new Map(join.targets.map((target) => [target.name, target]));
      const results = await onEachHost([...targets.keys()], { emit: join.emit }, async (name, emit) => {
        const target = targets.get(name);
        if (target === undefined) throw new Error(`no target ${name}`);
        const { connect, executable } = join;
        await runVerbOnHost({ target, connect, executable, argv: ['join', '--config', '-'], input, emit });
      });
      throwFailures(results, 'join');
    });
  } finally {
    await server.stop();
  }
}

/** What goes to the worker's `kadm join --config -`: documents that a person could have written. */
function joinConfiguration(
  join: FleetJoin,
  token: string,
  url: string,
  artifacts: readonly Artifact[],
): string {
  const cluster = join.documents.Cluster;
  const documents = [
    {
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'JoinConfiguration',
      discovery: {
        bootstrapToken: {
          apiServerEndpoint: join.endpoint,
          token,
          caCertHashes: [caCertificateHash(join.caPem)],
        },
      },
      nodeRegistration: { ignorePreflightErrors: join.ignorePreflightErrors },
    },
    {
      apiVersion: 'kadm.io/v1',
      kind: 'Cluster',
      spec: { ...cluster?.spec, components: { source: { kind: 'http', url, artifacts } } },
    },
  ];
  return documents.map((document) => stringify(document)).join('---\n');
}
