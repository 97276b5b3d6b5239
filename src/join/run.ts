import { componentsOf, type Release, releaseFor } from '../components/catalog.ts';
import type { JoinSettings } from '../config/join-settings.ts';
import type { HostSettings } from '../config/node-settings.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { withHostLock } from '../host/host-lock.ts';
import { reloadUnits } from '../host/systemd.ts';
import { componentsFrom } from '../node/component-source.ts';
import { readPatches } from '../node/patches.ts';
import type { Emit } from '../phases/events.ts';
import { Ledger } from '../phases/ledger.ts';
import { runPhases } from '../phases/runner.ts';
import { type PhaseNames, selected } from '../phases/select.ts';
import { Discovered, type JoinContext } from './context.ts';
import { runControlPlanePhases } from './control-plane/run.ts';
import {
  BEFORE_DISCOVERY,
  CONTROL_PLANE_JOIN_NAMES,
  controlPlaneJoinPhases,
  JOIN_NAMES,
  joinPhases,
  preparedControlPlaneJoinPhases,
  preparedJoinPhases,
} from './index.ts';

export interface JoinRun {
  readonly settings: HostSettings;
  /** Which cluster to join. */
  readonly assignment: () => Promise<JoinSettings>;
  /** The cluster's Kubernetes, for a host to be prepared before it knows more of the cluster. */
  readonly prepareFor?: string;
  /** Where a host that joins as a control plane is to serve the API; left out for a worker. */
  readonly controlPlane?: { readonly apiPort: number };
  /** Of this process: proxies of a control plane are found in it. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly host: Host;
  /** Path of this executable. */
  readonly executable: string;
  /** Names of the phases, and of parts of them, to run alone; all when left out. */
  readonly only?: readonly string[];
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface Joined {
  readonly nodeName: string;
  /** Whether its pod network is kadm's; if not, it becomes Ready when that of its cluster reaches it. */
  readonly network: boolean;
}

/**
 * Brings this host into a cluster as a worker or a control plane; ends when its Node is Ready.
 * @returns nothing when only some phases ran, or would have run
 */
export async function join(run: JoinRun): Promise<Joined | undefined> {
  return run.host.dryRun ? await joinAlone(run) : await withHostLock('kadm join', () => joinAlone(run));
}

async function joinAlone(run: JoinRun): Promise<Joined | undefined> {
  const { settings, assignment, host, emit, signal } = run;
  const ledger = await Ledger.open(host);
  const cluster = new Discovered();
  const expected = run.prepareFor === undefined ? undefined : releaseFor(run.prepareFor);
  const context: JoinContext = {
    ...componentsFrom(settings.componentSource),
    settings,
    assignment,
    host,
    ledger,
    executable: run.executable,
    components: componentsOf(run.controlPlane === undefined ? 'worker' : 'control-plane'),
    controlPlane: run.controlPlane,
    release: () => releaseOf(cluster, expected),
    imageNames: () => cluster.found?.images,
    patches: await readPatches(host, settings.patchesDirectory),
    cluster,
  };
  const options = { emit, signal, skip: settings.skipPhases };
  if (run.controlPlane === undefined) {
    const phases = expected === undefined ? joinPhases : preparedJoinPhases;
    await runPhases(phases, context, { ...options, ...onlyOf(run, phases, JOIN_NAMES), names: JOIN_NAMES });
  } else {
    const phases = expected === undefined ? controlPlaneJoinPhases : preparedControlPlaneJoinPhases;
    const names = CONTROL_PLANE_JOIN_NAMES;
    const chosen = { ...options, ...onlyOf(run, phases, names), names };
    await runControlPlanePhases(phases, context, run.environment ?? {}, chosen);
  }
  if (host.dryRun || run.only !== undefined) return undefined;
  const { settings: joined, network } = cluster.get();
  const { nodeName } = joined;
  const result = { nodeName, network: network !== undefined && network.backend !== 'none' };
  // The host is now what init makes of one, or join.
  const verb = run.controlPlane === undefined ? 'join' : 'init';
  await ledger.append({ verb, state: 'complete', version: context.release().kubernetes });
  await reloadUnits(host);
  emit({ type: 'result', path: [], result });
  return result;
}

/**
 * The phases that were asked for. Discovery changes nothing, and most phases go by what it learns.
 * @throws UserError (usage) for a name that is none
 */
function onlyOf(
  { only }: JoinRun,
  phases: readonly { readonly id: string }[],
  names: PhaseNames,
): { readonly only?: readonly string[] } {
  if (only === undefined) return {};
  const early = selected(only, phases, names).every(({ id }) => BEFORE_DISCOVERY.includes(id));
  return { only: early ? only : ['discovery', ...only] };
}

/** @throws UserError when a host was prepared for another Kubernetes than the cluster has */
function releaseOf(cluster: Discovered, expected: Release | undefined): Release {
  if (expected === undefined) return releaseFor(cluster.get().kubernetesVersion);
  const found = cluster.found?.kubernetesVersion ?? expected.kubernetes;
  if (found === expected.kubernetes) return expected;
  throw new UserError(
    `the cluster has Kubernetes ${found}, and this host was made ready for ${expected.kubernetes}`,
    {
      remedy: `name that version in the configuration: kubernetesVersion: ${found}`,
      exitCode: EXIT.usage,
    },
  );
}
