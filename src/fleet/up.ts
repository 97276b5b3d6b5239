import { Readable } from 'node:stream';
import { z } from 'zod';
import { END_OF_FIRST_PART } from '../config/documents.ts';
import type { HostEntry } from '../config/hosts.ts';
import type { Documents } from '../config/schema.ts';
import { EXIT, UserError } from '../errors.ts';
import type { Emit } from '../phases/events.ts';
import { generateToken } from '../pki/token.ts';
import type { SshTarget } from '../ssh/target.ts';
import { onEachHost, throwFailures } from './hosts.ts';
import { type HostSession, localSession, openSession, type RemoteOptions } from './run-verb.ts';
import {
  type ClusterPin,
  type ComponentOffer,
  closeReception,
  JOIN_TOKEN_TTL_SECONDS,
  type Reception,
} from './welcome.ts';
import { kubeletDocuments, type WorkerConfiguration, workerConfiguration, yamlDocuments } from './worker.ts';

/** A machine of the cluster that is to be. */
export interface FleetHost {
  readonly entry: HostEntry;
  readonly target: SshTarget;
  /** This machine itself: reached without SSH. */
  readonly local: boolean;
}

export interface FleetUp {
  readonly controlPlane: FleetHost;
  readonly workers: readonly FleetHost[];
  readonly documents: Documents;
  readonly remote: RemoteOptions;
  /** Opens the reception of the control plane; its session is there already. */
  readonly welcome: (session: HostSession, controlPlane: FleetHost) => Promise<Reception>;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

const joinCommand = z.object({
  joinCommand: z.object({ endpoint: z.string(), caCertHash: z.string() }),
});

type Admission = ClusterPin & { readonly token: string };

/**
 * Makes machines a cluster, or what is missing of it: the control plane first, as far as the workers need
 * it. They are prepared meanwhile, each for itself, and join as soon as there is something to join.
 * @throws UserError with a line for each host that failed
 */
export async function up(run: FleetUp): Promise<void> {
  const master = new Master(run);
  const workers = new Map(run.workers.map((worker) => [worker.target.name, worker]));
  try {
    const names = [run.controlPlane.target.name, ...workers.keys()];
    const results = await onEachHost(names, { emit: run.emit }, async (name, emit) => {
      const worker = workers.get(name);
      return worker === undefined
        ? await master.bringUp(emit)
        : await bringUpWorker(run, worker, master, emit);
    });
    throwFailures(results, 'up');
  } finally {
    await master.close();
  }
}

/** The control plane, and what the workers wait for of it. */
class Master {
  readonly #run: FleetUp;
  readonly #offer = Promise.withResolvers<ComponentOffer>();
  readonly #ready = Promise.withResolvers<void>();
  /** Why workers cannot join. */
  failure: UserError | undefined;
  #session: HostSession | undefined;
  #reception: Reception | undefined;
  #admission: Promise<Admission> | undefined;

  constructor(run: FleetUp) {
    this.#run = run;
    // A failure is told by the control plane's own line; workers that wait hear of it when they ask.
    this.#offer.promise.catch(() => {});
    this.#ready.promise.catch(() => {});
  }

  /** @returns a note when there was nothing to do */
  async bringUp(emit: Emit): Promise<string | undefined> {
    try {
      return await this.#bringUp(emit);
    } catch (error) {
      this.failure = new UserError('not joined: the control plane did not come up', { cause: error });
      this.#offer.reject(this.failure);
      this.#ready.reject(this.failure);
      throw error;
    }
  }

  /** Where workers get their components. */
  async offer(): Promise<ComponentOffer> {
    return await this.#offer.promise;
  }

  /** The cluster, and a token to join it with, once it is up. */
  async admission(): Promise<Admission> {
    await this.#ready.promise;
    this.#admission ??= this.#admit();
    return await this.#admission;
  }

  async close(): Promise<void> {
    await closeReception(this.#reception, this.#run.emit);
    await this.#session?.close();
  }

  async #bringUp(emit: Emit): Promise<string | undefined> {
    const { controlPlane } = this.#run;
    const session = await open(this.#run, controlPlane, emit);
    this.#session = session;
    if (session.completed === 'join') {
      throw new UserError(
        `${controlPlane.target.name} has joined a cluster as a worker; nothing was changed`,
        {
          remedy: 'reset it first, or name another control plane',
          exitCode: EXIT.preflight,
        },
      );
    }
    this.#reception = await this.#run.welcome(session, controlPlane);
    this.#offer.resolve(this.#reception.offer);
    if (session.completed === undefined) await this.#init(session, this.#reception, emit);
    this.#ready.resolve();
    return session.completed === 'init' ? 'it is a control plane already' : undefined;
  }

  async #init(session: HostSession, reception: Reception, emit: Emit): Promise<void> {
    const token = generateToken();
    await reception.expect(token);
    const input = controlPlaneConfiguration(this.#run, token);
    const watch: Emit = (event) => {
      const found = event.type === 'result' ? joinCommand.safeParse(event.result).data : undefined;
      if (found === undefined) return emit(event);
      // Not passed on: it holds the token. It comes long before init ends, which then waits for what the
      // workers do not need.
      this.#admission ??= Promise.resolve({ ...found.joinCommand, token });
      this.#ready.resolve();
    };
    await session.run({ argv: ['init', '--config', '-'], input, emit: watch });
  }

  async #admit(): Promise<Admission> {
    if (this.#reception === undefined) throw new Error('workers are let in before there is a reception');
    const token = generateToken();
    return { ...(await this.#reception.admit(token)), token };
  }
}

/** @returns a note when there was nothing to do */
async function bringUpWorker(
  run: FleetUp,
  host: FleetHost,
  master: Master,
  emit: Emit,
): Promise<string | undefined> {
  const { documents } = run;
  const { entry } = host;
  const nearby = async (): Promise<string> => (await master.offer()).url;
  const session = await open({ ...run, remote: { ...run.remote, nearby } }, host, emit);
  try {
    if (session.completed === 'join') return 'it is a node already';
    if (session.completed === 'init') {
      throw new UserError(`${host.target.name} is a control plane; nothing was changed`, {
        remedy: 'reset it first, or give it that role in the file',
        exitCode: EXIT.preflight,
      });
    }
    const worker = { documents, entry, offer: await master.offer() };
    const input = Readable.from(assignment(worker, master));
    try {
      await session.run({ argv: ['join', '--config', '-', '--await-discovery'], input, emit });
    } catch (error) {
      // It was told no cluster, because there is none: that is not the worker's fault.
      const untold = error instanceof UserError && error.exitCode === EXIT.usage;
      throw (untold ? master.failure : undefined) ?? error;
    }
    return undefined;
  } finally {
    await session.close();
  }
}

/** What a worker reads: how to prepare itself, and as soon as there is a cluster, how to join it. */
async function* assignment(worker: WorkerConfiguration, master: Master): AsyncGenerator<string> {
  yield `${workerConfiguration(worker)}${END_OF_FIRST_PART}\n`;
  yield workerConfiguration({ ...worker, cluster: await master.admission() });
}

async function open({ remote, signal }: FleetUp, host: FleetHost, emit: Emit): Promise<HostSession> {
  if (host.local) return await localSession(host.target.name, signal);
  return await openSession(host.target, remote, (message) => emit({ type: 'progress', path: [], message }));
}

/** What goes to `kadm init --config -`: the documents, with a token that lives as long as the workers need it. */
function controlPlaneConfiguration({ documents, controlPlane }: FleetUp, token: string): string {
  const { entry } = controlPlane;
  const { InitConfiguration: init, Cluster: cluster, KubeletConfiguration: kubelet, ...rest } = documents;
  const { hosts: _, ...spec } = cluster?.spec ?? {};
  return yamlDocuments([
    {
      ...init,
      apiVersion: 'kubeadm.k8s.io/v1beta4',
      kind: 'InitConfiguration',
      bootstrapTokens: [{ token, ttl: `${JOIN_TOKEN_TTL_SECONDS}s` }],
      nodeRegistration: { ...init?.nodeRegistration, ...(entry.nodeName && { name: entry.nodeName }) },
    },
    { apiVersion: 'kadm.io/v1', kind: 'Cluster', spec },
    ...kubeletDocuments(kubelet, entry),
    ...Object.values(rest),
  ]);
}
