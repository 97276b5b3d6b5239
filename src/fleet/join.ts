import { z } from 'zod';
import type { Documents } from '../config/schema.ts';
import { hostOf } from '../config/values.ts';
import { addressOf } from '../host/network.ts';
import type { Emit } from '../phases/events.ts';
import { generateCertificateKey } from '../pki/certificate-key.ts';
import { generateToken } from '../pki/token.ts';
import type { SshTarget } from '../ssh/target.ts';
import { Claims, othersThan, refuseTaken } from './claims.ts';
import { workerConfiguration } from './host-configuration.ts';
import { onEachTarget, throwFailures } from './hosts.ts';
import type { ClusterNode } from './nodes.ts';
import { demandReachable } from './reception.ts';
import { openSession, type RemoteOptions } from './run-verb.ts';
import type { Welcome } from './welcome.ts';

const joinResult = z.object({ nodeName: z.string() });

export interface FleetJoin {
  readonly targets: readonly SshTarget[];
  readonly remote: RemoteOptions;
  /** The master that this runs on. */
  readonly welcome: Welcome;
  /** The configuration of this host: settings of containerd and the like hold for the workers too. */
  readonly documents: Documents;
  readonly ignorePreflightErrors: readonly string[];
  /** Whether they become control planes. */
  readonly controlPlane?: boolean;
  readonly emit: Emit;
}

/**
 * Joins hosts over SSH, all at once: on each the same `kadm join` that a person would type there. They
 * fetch components from this host; the digests reach them over SSH. Control planes take turns by themselves.
 */
export async function joinHosts(join: FleetJoin): Promise<void> {
  const { documents, welcome, ignorePreflightErrors, emit } = join;
  const remote = { ...join.remote, nearby: async () => welcome.offer.url };
  const token = generateToken();
  const cluster = { ...(await welcome.admit(token)), token };
  const controlPlane = join.controlPlane === true ? { certificateKey: generateCertificateKey() } : undefined;
  if (controlPlane !== undefined) await welcome.uploadCertificates(controlPlane.certificateKey);
  const input = workerConfiguration({
    documents,
    offer: welcome.offer,
    cluster,
    ignorePreflightErrors,
    ...(controlPlane && { controlPlane }),
  });
  const shared = {
    ...{ remote, input, claims: new Claims(), nodes: await welcome.nodes() },
    server: await addressOf(hostOf(cluster.endpoint)),
  };
  const results = await onEachTarget(
    join.targets,
    { emit, verb: 'join' },
    async (target, emitOfHost) => await joinOne(join, target, { ...shared, emit: emitOfHost }),
  );
  throwFailures(results, 'join');
}

interface JoinOne {
  readonly remote: RemoteOptions;
  readonly input: string;
  readonly claims: Claims;
  /** Those that were there before. */
  readonly nodes: readonly ClusterNode[];
  /** Address of the API server; undefined where its name is not known here. */
  readonly server: string | undefined;
  readonly emit: Emit;
}

/** @returns a note where there was nothing to do */
async function joinOne(
  { welcome, documents, controlPlane }: FleetJoin,
  target: SshTarget,
  { remote, input, claims, nodes, server, emit }: JoinOne,
): Promise<string | undefined> {
  const session = await openSession(target, remote, (message) =>
    emit({ type: 'progress', path: [], message }),
  );
  try {
    const { completed, begun, node, hostname } = session.state;
    // Of another cluster it would be refused by the join itself.
    if (
      completed === (controlPlane === true ? 'init' : 'join') &&
      node !== undefined &&
      nodes.some(({ name }) => name === node.name)
    )
      return controlPlane === true ? 'it is a control plane already' : 'it is a node already';
    if (completed === undefined) {
      const nodeName = documents.JoinConfiguration?.nodeRegistration?.name ?? hostname.toLowerCase();
      const others = begun ? [] : othersThan(nodes, nodeName, session.state);
      for (const message of claims.oddities(target.name, session.state, others))
        emit({ type: 'warning', path: [], message });
      const nodeIP = server === undefined ? undefined : await session.addressTowards(server);
      claims.take(target.name, nodeName, nodeIP);
      refuseTaken(others, target.name, nodeName, nodeIP);
    }
    const result = await session.run({ argv: ['join', '--config', '-'], input, emit });
    const joined = joinResult.safeParse(result).data?.nodeName;
    if (joined !== undefined) await demandReachable(welcome, target.name, joined);
    return undefined;
  } finally {
    await session.close();
  }
}
