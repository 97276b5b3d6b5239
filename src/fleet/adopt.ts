import type { Documents } from '../config/schema.ts';
import type { Emit } from '../phases/events.ts';
import type { SshTarget } from '../ssh/target.ts';
import { workerConfiguration } from './host-configuration.ts';
import { onEachTarget, throwFailures } from './hosts.ts';
import { type RemoteOptions, runVerbOnHost } from './run-verb.ts';
import type { Welcome } from './welcome.ts';

export interface FleetAdopt {
  readonly targets: readonly SshTarget[];
  readonly remote: RemoteOptions;
  /** The master that this runs on: it has the components that nodes may lack. */
  readonly welcome: Welcome;
  /** The configuration of this host. */
  readonly documents: Documents;
  readonly ignorePreflightErrors: readonly string[];
  readonly emit: Emit;
}

/** Adopts nodes over SSH, all at once: on each the same `kadm node adopt` that a person would type there. */
export async function adoptHosts(adopt: FleetAdopt): Promise<void> {
  const { documents, welcome, ignorePreflightErrors, emit } = adopt;
  const remote = { ...adopt.remote, nearby: async () => welcome.offer.url };
  const input = workerConfiguration({ documents, offer: welcome.offer, ignorePreflightErrors });
  const results = await onEachTarget(
    adopt.targets,
    { emit, verb: 'node-adopt' },
    async (target, emitOfHost) => {
      const argv = ['node', 'adopt', '--config', '-'];
      await runVerbOnHost(target, remote, { argv, input, emit: emitOfHost });
    },
  );
  throwFailures(results, 'node adopt');
}
