import { z } from 'zod';
import { FAMILY } from '../config/family.ts';
import type { HostEntry } from '../config/hosts.ts';
import { hostOf } from '../config/values.ts';
import { EXIT, UserError } from '../errors.ts';
import { addressOf } from '../host/network.ts';
import type { Emit } from '../phases/events.ts';
import { generateCertificateKey } from '../pki/certificate-key.ts';
import { generateToken } from '../pki/token.ts';
import type { HostState } from '../ssh/host-state.ts';
import { Claims, othersThan, refuseTaken } from './claims.ts';
import {
  advertised,
  type FleetHost,
  hasMarks,
  marksOf,
  openHost,
  placed,
  withAddress,
} from './fleet-host.ts';
import { controlPlaneConfiguration } from './host-configuration.ts';
import type { ClusterNode } from './nodes.ts';
import { type ClusterPin, type ComponentOffer, closeReception, type Reception } from './reception.ts';
import type { HostSession } from './run-verb.ts';
import type { FleetUp } from './up.ts';

const joinCommand = z.object({
  joinCommand: z.object({ endpoint: z.string(), caCertHash: z.string() }),
});

type Admission = ClusterPin & { readonly token: string };

/** What one of the other control planes of the file is, as soon as it was reached. */
export interface Standing {
  readonly host: string;
  readonly completed: HostState['completed'];
}

/** The first control plane, and what the others and the workers wait for of it. */
export class Master {
  readonly #run: FleetUp;
  readonly #claims = new Claims();
  readonly #offer = Promise.withResolvers<ComponentOffer>();
  readonly #ready = Promise.withResolvers<void>();
  /** Why workers cannot join. */
  failure: UserError | undefined;
  #session: HostSession | undefined;
  #reception: Reception | undefined;
  #admission: Promise<Admission> | undefined;
  #certificateKey: Promise<string> | undefined;
  readonly #others: Promise<readonly Standing[]>;
  #existing = false;
  /** Of a control plane that is to be. */
  #address: string | undefined;
  #nodes: Promise<ClusterNode[]> | undefined;

  /** @param others of the control planes; rejected when one of them cannot be reached */
  constructor(run: FleetUp, others: Promise<readonly Standing[]>) {
    this.#run = run;
    this.#others = others;
    others.catch(() => {});
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

  /** By which further control planes get what all of them share; uploaded when the first one asks. */
  async certificateKey(): Promise<string> {
    await this.#ready.promise;
    this.#certificateKey ??= this.#upload();
    return await this.#certificateKey;
  }

  /** @throws Error before there is one */
  get reception(): Reception {
    if (this.#reception === undefined) throw new Error('there is no reception');
    return this.#reception;
  }

  /** Resolves when there is a cluster. */
  async up(): Promise<void> {
    await this.#ready.promise;
  }

  /**
   * Looks whether a host can be a node beside the others, before anything is changed there.
   * @returns the name of its node
   * @throws UserError (preflight)
   */
  async admit(host: FleetHost, session: HostSession, entry: HostEntry, emit: Emit): Promise<string> {
    const { name } = host.target;
    const { state } = session;
    const { InitConfiguration, JoinConfiguration } = this.#run.documents;
    const document = host.target === this.#run.controlPlane.target ? InitConfiguration : JoinConfiguration;
    const node = entry.nodeName ?? document?.nodeRegistration?.name ?? state.hostname.toLowerCase();
    const isNew = this.#existing && state.completed === undefined && !state.begun;
    const nodes = isNew ? othersThan(await this.#existingNodes(), node, state) : [];
    for (const message of this.#claims.oddities(name, state, nodes))
      emit({ type: 'warning', path: [], message });
    const nodeIP = entry.nodeIP ?? (await this.#defaultNodeIP(session));
    this.#claims.take(name, node, nodeIP);
    refuseTaken(nodes, name, node, nodeIP);
    return node;
  }

  /** Takes the name of a node that there is for its host. @throws UserError (preflight) when another has it */
  claim(host: string, node: string): void {
    this.#claims.take(host, node);
  }

  async #existingNodes(): Promise<ClusterNode[]> {
    await this.#ready.promise;
    this.#nodes ??= this.reception.nodes();
    return await this.#nodes;
  }

  /** The address that a host takes where nothing else is said: the one from which it reaches the API server. */
  async #defaultNodeIP(session: HostSession): Promise<string | undefined> {
    const server = await this.#serverAddress();
    return server === undefined ? undefined : await session.addressTowards(server);
  }

  async #serverAddress(): Promise<string | undefined> {
    const endpoint = this.#run.documents.ClusterConfiguration?.controlPlaneEndpoint;
    if (endpoint !== undefined) return await addressOf(hostOf(endpoint));
    if (!this.#existing) return this.#address;
    return (await this.#existingNodes()).find(({ master }) => master)?.addresses[0];
  }

  async close(): Promise<void> {
    await closeReception(this.#reception, this.#run.emit);
    await this.#session?.close();
  }

  async #bringUp(emit: Emit): Promise<string | undefined> {
    const { controlPlane } = this.#run;
    const session = await openHost(this.#run, controlPlane, emit);
    this.#session = session;
    const { completed } = session.state;
    this.#existing = completed === 'init';
    if (completed === 'join') {
      throw new UserError(
        `${controlPlane.target.name} has joined a cluster as a worker; nothing was changed`,
        {
          remedy: 'reset it first, or name another control plane',
          exitCode: EXIT.preflight,
        },
      );
    }
    const entry = await advertised(session, controlPlane, await placed(session, controlPlane));
    const given = this.#run.documents.InitConfiguration?.localAPIEndpoint?.advertiseAddress;
    this.#address = given ?? entry.nodeIP ?? (await session.addressTowards(FAMILY[4].anywhere));
    const name = await this.admit(controlPlane, session, withAddress(entry, this.#address), emit);
    this.#reception = await this.#run.welcome(session, controlPlane, emit);
    this.#offer.resolve(this.#reception.offer);
    if (completed === undefined) {
      await this.#refuseSecondCluster(emit);
      await this.#init(session, this.#reception, entry, emit);
    }
    this.#ready.resolve();
    await this.#mark(session.state.node?.name ?? name, entry, completed === undefined);
    return completed === 'init' ? 'it is a control plane already' : undefined;
  }

  /** A cluster that is there already would get a second one beside it. */
  async #refuseSecondCluster(emit: Emit): Promise<void> {
    if (this.#run.masters.length > 0)
      emit({ type: 'progress', path: [], message: 'looking at the other control planes' });
    const present = (await this.#others).find(({ completed }) => completed === 'init');
    if (present === undefined) return;
    const { name } = this.#run.controlPlane.target;
    throw new UserError(
      `${present.host} is a control plane already, and ${name} is not; nothing was changed`,
      {
        remedy: `put ${present.host} first among the control planes of the file, and ${name} joins it`,
        exitCode: EXIT.preflight,
      },
    );
  }

  async #mark(name: string, entry: HostEntry, isNew: boolean): Promise<void> {
    const { controlPlane } = this.#run;
    if (!isNew && !hasMarks(entry)) return;
    const node = (await this.reception.nodes()).find((one) => one.name === name);
    if (node !== undefined) await this.reception.mark(marksOf(node.name, { ...controlPlane, entry }));
  }

  async #upload(): Promise<string> {
    const key = generateCertificateKey();
    await this.reception.uploadCertificates(key);
    return key;
  }

  async #init(session: HostSession, reception: Reception, entry: HostEntry, emit: Emit): Promise<void> {
    const token = generateToken();
    await reception.expect(token);
    const input = controlPlaneConfiguration(this.#run.documents, entry, token);
    const watch: Emit = (event) => {
      // Not passed on: results hold the token, and perhaps a certificate key.
      if (event.type !== 'result') return emit(event);
      const found = joinCommand.safeParse(event.result).data;
      if (found === undefined) return;
      // It comes long before init ends, which then waits for what the workers do not need.
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
