import { z } from 'zod';
import type { Documents } from '../config/schema.ts';
import type { Emit } from '../phases/events.ts';
import { generateCertificateKey } from '../pki/certificate-key.ts';
import { generateToken } from '../pki/token.ts';
import type { SshTarget } from '../ssh/target.ts';
import { onEachTarget, throwFailures } from './hosts.ts';
import { openSession, type RemoteOptions } from './run-verb.ts';
import { demandReachable, type Welcome } from './welcome.ts';
import { workerConfiguration } from './worker.ts';

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
  const results = await onEachTarget(
    join.targets,
    { emit, verb: 'join' },
    async (target, emitOfHost) => await joinOne(join, target, { remote, input, emit: emitOfHost }),
  );
  throwFailures(results, 'join');
}

/** @returns a note where there was nothing to do */
async function joinOne(
  { welcome, controlPlane }: FleetJoin,
  target: SshTarget,
  { remote, input, emit }: { readonly remote: RemoteOptions; readonly input: string; readonly emit: Emit },
): Promise<string | undefined> {
  const session = await openSession(target, remote, (message) =>
    emit({ type: 'progress', path: [], message }),
  );
  try {
    const { completed, node } = session.state;
    // Of another cluster it would be refused by the join itself.
    if (
      completed === (controlPlane === true ? 'init' : 'join') &&
      node !== undefined &&
      (await welcome.nodes()).some(({ name }) => name === node.name)
    )
      return controlPlane === true ? 'it is a control plane already' : 'it is a node already';
    const result = await session.run({ argv: ['join', '--config', '-'], input, emit });
    const joined = joinResult.safeParse(result).data?.nodeName;
    if (joined !== undefined) await demandReachable(welcome, target.name, joined);
    return undefined;
  } finally {
    await session.close();
  }
}
