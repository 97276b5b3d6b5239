import { Readable } from 'node:stream';
import { END_OF_FIRST_PART } from '../config/documents.ts';
import type { Documents } from '../config/schema.ts';
import { EXIT, messageOf, UserError } from '../errors.ts';
import type { Emit } from '../phases/events.ts';
import type { SshTarget } from '../ssh/target.ts';
import { type FleetHost, hasMarks, marksOf, openHost, placed } from './fleet-host.ts';
import { withHeartbeat } from './heartbeat.ts';
import { type WorkerConfiguration, workerConfiguration } from './host-configuration.ts';
import { type HostResult, onEachHost, throwFailures } from './hosts.ts';
import { Master, type Standing } from './master.ts';
import type { ClusterNode } from './nodes.ts';
import { prune, removedNodes } from './prune.ts';
import { demandReachable, type Reception } from './reception.ts';
import type { HostSession, RemoteOptions } from './run-verb.ts';

export interface FleetUp {
  /** The first one. */
  readonly controlPlane: FleetHost;
  /** The other control planes. */
  readonly masters: readonly FleetHost[];
  readonly workers: readonly FleetHost[];
  readonly documents: Documents;
  readonly remote: RemoteOptions;
  /** Opens the reception of the control plane; its session is there already. */
  readonly welcome: (session: HostSession, controlPlane: FleetHost, emit: Emit) => Promise<Reception>;
  /** Whether nodes that the file does not name are taken out of the cluster; else they are only told. */
  readonly prune: boolean;
  /** How a node of the cluster is reached that the file does not name. */
  readonly targetOf: (node: ClusterNode) => SshTarget;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Makes machines a cluster, or what is missing of it: the first control plane first, as far as the others need
 * it. They are prepared meanwhile, each for itself, and join as soon as there is something to join: workers all at
 * once, control planes one after the other (src/kube/control-plane-lock.ts).
 * @throws UserError with a line for each host, when any failed
 */
export async function up(run: FleetUp): Promise<HostResult[]> {
  const standings = new Map(
    run.masters.map(({ target }) => [target.name, Promise.withResolvers<Standing>()]),
  );
  const master = new Master(run, Promise.all([...standings.values()].map(({ promise }) => promise)));
  const others = new Map([...run.masters, ...run.workers].map((host) => [host.target.name, host]));
  const nodes = new Map<string, string>();
  try {
    const names = [run.controlPlane.target.name, ...others.keys()];
    const options = { emit: run.emit, verb: 'up' };
    const results = await onEachHost(names, options, async (name, emit) => {
      const host = others.get(name);
      if (host === undefined) return await master.bringUp(emit);
      const standing = standings.get(name);
      const { node, note } = await bringUpNode(run, host, master, { emit, standing });
      if (node !== undefined) nodes.set(node, name);
      return note;
    });
    throwFailures(results, 'up');
    const removed = removedNodes(await master.reception.nodes(), [...nodes.keys()], run.workers);
    return [...results, ...(await prune(removed, master.reception, run))];
  } finally {
    await master.close();
  }
}

interface Joined {
  readonly node: string | undefined;
  /** Said where there was nothing to do. */
  readonly note?: string;
}

interface BringUp {
  readonly emit: Emit;
  /** Of a control plane: settled when it is known what the host is. */
  readonly standing: PromiseWithResolvers<Standing> | undefined;
}

/** One more control plane, or a worker. */
async function bringUpNode(
  run: FleetUp,
  host: FleetHost,
  master: Master,
  { emit, standing }: BringUp,
): Promise<Joined> {
  const { documents } = run;
  const isMaster = standing !== undefined;
  const session = await reach(run, host, master, { emit, standing });
  try {
    const { completed, node } = session.state;
    if (completed === (isMaster ? 'init' : 'join')) {
      if (node !== undefined) master.claim(host.target.name, node.name);
      if (isMaster) await demandMember(master, host.target.name, node?.name);
      if (node !== undefined && hasMarks(host.entry)) {
        await master.up();
        await master.reception.mark(marksOf(node.name, host));
      }
      return { node: node?.name, note: `it is a ${isMaster ? 'control plane' : 'node'} already` };
    }
    if (completed !== undefined) {
      const what = isMaster ? 'has joined a cluster as a worker' : 'is a control plane';
      throw new UserError(`${host.target.name} ${what}; nothing was changed`, {
        remedy: 'reset it first, or give it that role in the file',
        exitCode: EXIT.preflight,
      });
    }
    const entry = await placed(session, host);
    // Only then is it known whether there is a cluster already, with nodes of its own.
    const offer = await master.offer();
    const name = await master.admit(host, session, entry, emit);
    const worker = { documents, entry, offer, ...(isMaster && { controlPlane: {} }) };
    const input = Readable.from(withHeartbeat(assignment(worker, master)));
    try {
      await session.run({ argv: ['join', '--config', '-', '--await-discovery'], input, emit });
    } catch (error) {
      // It was told no cluster, because there is none: that is not the worker's fault.
      const untold = error instanceof UserError && error.exitCode === EXIT.usage;
      throw (untold ? master.failure : undefined) ?? error;
    }
    // The name that it was given, not the one that it tells: it is not to mark another's node.
    await master.reception.mark(marksOf(name, { ...host, entry }));
    await demandReachable(master.reception, host.target.name, name);
    return { node: name };
  } finally {
    await session.close();
  }
}

async function reach(
  run: FleetUp,
  host: FleetHost,
  master: Master,
  { emit, standing }: BringUp,
): Promise<HostSession> {
  const nearby = async (): Promise<string> => (await master.offer()).url;
  try {
    const session = await openHost({ ...run, remote: { ...run.remote, nearby } }, host, emit);
    standing?.resolve({ host: host.target.name, completed: session.state.completed });
    return session;
  } catch (error) {
    standing?.reject(
      new UserError(
        `it cannot be seen whether ${host.target.name} is a control plane already: ${messageOf(error)}`,
        {
          remedy: 'make it reachable, or take it out of the file for now',
          cause: error,
        },
      ),
    );
    throw error;
  }
}

/** @throws UserError (preflight) for a control plane of another cluster */
async function demandMember(master: Master, host: string, node: string | undefined): Promise<void> {
  await master.up();
  const nodes = await master.reception.nodes();
  if (nodes.some((one) => one.name === node && one.master)) return;
  throw new UserError(`${host} is a control plane of another cluster; nothing was changed`, {
    remedy: 'reset it first, or take it out of the file',
    exitCode: EXIT.preflight,
  });
}

/** What a host reads: how to prepare itself, and as soon as there is a cluster, how to join it. */
async function* assignment(worker: WorkerConfiguration, master: Master): AsyncGenerator<string> {
  yield `${workerConfiguration(worker)}${END_OF_FIRST_PART}\n`;
  const cluster = await master.admission();
  const { controlPlane } = worker;
  if (controlPlane === undefined) yield workerConfiguration({ ...worker, cluster });
  else {
    const certificateKey = await master.certificateKey();
    yield workerConfiguration({ ...worker, cluster, controlPlane: { certificateKey } });
  }
}
