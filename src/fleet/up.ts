import { Readable } from 'node:stream';
import { END_OF_FIRST_PART } from '../config/documents.ts';
import type { Documents } from '../config/schema.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Emit } from '../phases/events.ts';
import type { SshTarget } from '../ssh/target.ts';
import { type FleetHost, hasMarks, marksOf, openHost, placed } from './fleet-host.ts';
import { type HostResult, onEachHost, throwFailures } from './hosts.ts';
import { Master } from './master.ts';
import type { ClusterNode } from './nodes.ts';
import { prune, removedNodes } from './prune.ts';
import type { HostSession, RemoteOptions } from './run-verb.ts';
import { demandReachable, type Reception } from './welcome.ts';
import { type WorkerConfiguration, workerConfiguration } from './worker.ts';

export interface FleetUp {
  readonly controlPlane: FleetHost;
  readonly workers: readonly FleetHost[];
  readonly documents: Documents;
  readonly remote: RemoteOptions;
  /** Opens the reception of the control plane; its session is there already. */
  readonly welcome: (session: HostSession, controlPlane: FleetHost) => Promise<Reception>;
  /** Whether nodes that the file does not name are taken out of the cluster; else they are only told. */
  readonly prune: boolean;
  /** How a node of the cluster is reached that the file does not name. */
  readonly targetOf: (node: ClusterNode) => SshTarget;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Makes machines a cluster, or what is missing of it: the control plane first, as far as the workers need
 * it. They are prepared meanwhile, each for itself, and join as soon as there is something to join.
 * @throws UserError with a line for each host, when any failed
 */
export async function up(run: FleetUp): Promise<HostResult[]> {
  const master = new Master(run);
  const workers = new Map(run.workers.map((worker) => [worker.target.name, worker]));
  const nodes = new Map<string, string>();
  try {
    const names = [run.controlPlane.target.name, ...workers.keys()];
    const options = { emit: run.emit, verb: 'up' };
    const results = await onEachHost(names, options, async (name, emit) => {
      const worker = workers.get(name);
      if (worker === undefined) return await master.bringUp(emit);
      const { node, note } = await bringUpWorker(run, worker, master, emit);
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

async function bringUpWorker(run: FleetUp, host: FleetHost, master: Master, emit: Emit): Promise<Joined> {
  const { documents } = run;
  const nearby = async (): Promise<string> => (await master.offer()).url;
  const session = await openHost({ ...run, remote: { ...run.remote, nearby } }, host, emit);
  try {
    const { completed, node } = session.state;
    if (completed === 'join') {
      if (node !== undefined) master.claim(host.target.name, node.name);
      if (node !== undefined && hasMarks(host.entry)) {
        await master.up();
        await master.reception.mark(marksOf(node.name, host));
      }
      return { node: node?.name, note: 'it is a node already' };
    }
    if (completed === 'init') {
      throw new UserError(`${host.target.name} is a control plane; nothing was changed`, {
        remedy: 'reset it first, or give it that role in the file',
        exitCode: EXIT.preflight,
      });
    }
    const entry = await placed(session, host);
    // Only then is it known whether there is a cluster already, with nodes of its own.
    const offer = await master.offer();
    const name = await master.admit(host, session, entry, emit);
    const worker = { documents, entry, offer };
    const input = Readable.from(assignment(worker, master));
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

/** What a worker reads: how to prepare itself, and as soon as there is a cluster, how to join it. */
async function* assignment(worker: WorkerConfiguration, master: Master): AsyncGenerator<string> {
  yield `${workerConfiguration(worker)}${END_OF_FIRST_PART}\n`;
  yield workerConfiguration({ ...worker, cluster: await master.admission() });
}
