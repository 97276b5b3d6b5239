import { setTimeout as sleep } from 'node:timers/promises';
import { makeSteps } from '../cni/apply.ts';
import { type Backend, backendSchema } from '../cni/backend.ts';
import type { Desired, Underlay } from '../cni/desired.ts';
import { followNodes } from '../cni/follow.ts';
import { ANNOTATION, type NodeFacts } from '../cni/node-facts.ts';
import { look, type NodeNetwork, type Pass, reconcile } from '../cni/reconcile.ts';
import { messageOf } from '../errors.ts';
import type { Host } from '../host/host.ts';
import type { KubeClient } from '../kube/client.ts';
import { Announcer } from './announcer.ts';
import { cniFileEvents } from './cni-files.ts';
import { EntryTools } from './entry-tools.ts';
import { kernelEvents } from './kernel-events.ts';
import type { Log } from './log.ts';
import type { NetworkRecord } from './network-record.ts';
import { NodeWatch } from './node-watch.ts';
import { type PassFacts, passFacts } from './pass-facts.ts';
import { PassLog } from './pass-log.ts';
import { PodGate } from './pod-gate.ts';
import type { Service } from './service.ts';
import { type AgentSettings, keepBackend, networkOf } from './settings.ts';
import { Wake } from './wake.ts';

/** Everything is compared again after this time, whether or not something was heard of. */
const PERIOD_MS = 30_000;
/** Changes that come together are dealt with together. */
const DEBOUNCE_MS = 20;
const RETRY_MS = 1_000;
/** One failure may be a moment's; after so many in a row no pod is to start here any more. */
const FAILURES_UNTIL_CLOSED = 3;

const NODE_CHANGED = 'a change of a Node';
const LOOKED = 'the look every 30 s';

export interface NetworkHooks {
  /** Called after each comparison that found everything in place, or put it there. */
  readonly onReady: () => void;
  /** Called whenever the loop comes round: that it does not is what the watchdog looks for. */
  readonly onTurn: () => void;
  /** Called with what each comparison found. */
  readonly onPass: (facts: PassFacts) => void;
  /** Why pods could not reach others although everything is in place; undefined when they can. */
  readonly whyBroken: () => string | undefined;
  readonly record: NetworkRecord;
}

/** Why and when a pass was made; times in milliseconds of performance.now(). */
interface PassRun {
  readonly trigger: string;
  readonly begun: number;
  readonly madeAt: number;
}

/** Brings this node into the pod network and keeps it there. Ending it leaves the network as it is. */
export class NetworkService implements Service {
  readonly name = 'network';
  readonly #settings: AgentSettings;
  readonly #host: Host;
  readonly #log: Log;
  readonly #hooks: NetworkHooks;
  readonly #wake = new Wake();
  readonly #announcer: Announcer;
  readonly #gate: PodGate;
  readonly #passLog: PassLog;
  readonly #tools = new EntryTools();
  readonly #watch: NodeWatch;
  #network: NodeNetwork;
  /** Why this node has not the backend that it is wanted to have. */
  #refused: string | undefined;
  #underlay: Underlay | undefined;
  #failures = 0;
  /** The last pass, and what is wanted now: the same, but while it is being made. */
  #pass: Pass | undefined;
  #desired: Desired | undefined;
  /** Whether the kernel is to be looked at: something else than other Nodes may have changed. */
  #lookDue = true;
  #lookedAt = 0;
  #competing: readonly string[] = [];

  constructor(settings: AgentSettings, client: KubeClient, host: Host, log: Log, hooks: NetworkHooks) {
    this.#settings = settings;
    this.#network = networkOf(settings);
    this.#watch = new NodeWatch(client, this.#network, {
      onChange: (ofOthers) => (ofOthers ? this.#wake.now(NODE_CHANGED) : this.wake(NODE_CHANGED)),
      onTrouble: (message) => log('warn', message, { service: this.name }),
    });
    this.#announcer = new Announcer(client, log);
    this.#gate = new PodGate(host, this.#announcer, log);
    this.#passLog = new PassLog(this.name, log);
    this.#host = host;
    this.#log = log;
    this.#hooks = hooks;
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#gate.closeAfterBoot(this.#network.vni);
    // One of these ending, or failing, ends the others, and the service is started again.
    const stop = new AbortController();
    const all = AbortSignal.any([signal, stop.signal]);
    try {
      await Promise.race([
        this.#watch.start(all),
        kernelEvents(
          this.#network,
          all,
          () => this.wake('an event of the kernel'),
          () => this.#desired,
        ),
        cniFileEvents(this.#host, all, () => this.wake('a change of a CNI file')),
        this.#announcer.start(all),
        this.#reconcileForEver(all),
      ]);
    } finally {
      stop.abort();
      this.#tools.end();
    }
  }

  /** Makes it look now. @param trigger why, as status tells it */
  wake(trigger: string): void {
    this.#lookDue = true;
    this.#wake.now(trigger);
  }

  async #reconcileForEver(signal: AbortSignal): Promise<void> {
    let trigger = LOOKED;
    while (!signal.aborted) {
      const untilLook = Math.max(0, this.#lookedAt + PERIOD_MS - performance.now());
      const rung = await this.#wake.wait(this.#failures === 0 ? untilLook : RETRY_MS, signal);
      if (signal.aborted) return;
      // What failed is tried again for the reason that it was tried for.
      trigger = rung ?? (this.#failures === 0 ? LOOKED : trigger);
      this.#hooks.onTurn();
      this.#lookDue ||= performance.now() >= this.#lookedAt + PERIOD_MS;
      try {
        if (this.#lookDue) await this.#reconcileOnce(trigger);
        else await this.#followOnce(trigger);
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#lookDue = true;
        // What was to be made is in it already.
        this.#pass = undefined;
        this.#tools.end();
        await this.#failed(error);
      }
      await sleep(DEBOUNCE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Other Nodes have changed, and nothing else that is known of. */
  async #followOnce(trigger: string): Promise<void> {
    const { nodes } = this.#watch;
    const begun = performance.now();
    const pass = nodes && this.#pass && followNodes(this.#network, nodes, this.#pass);
    if (nodes === undefined || pass === undefined) return await this.#reconcileOnce(trigger);
    this.#desired = pass.desired;
    await makeSteps(pass.steps, this.#tools.run);
    this.#pass = pass;
    this.#passed(pass, nodes, { begun, madeAt: performance.now(), trigger });
  }

  async #reconcileOnce(trigger: string): Promise<void> {
    this.#lookDue = false;
    this.#lookedAt = performance.now();
    const { nodes } = this.#watch;
    const own = nodes?.get(this.#network.nodeName);
    if (nodes === undefined || own === undefined) return;
    await this.#adoptBackend(own, nodes);
    const begun = performance.now();
    let madeAt = begun;
    const known = { before: this.#pass, claims: this.#watch.claims };
    const pass = await reconcile(this.#host, this.#network, nodes, known, {
      onPlanned: (desired) => {
        this.#desired = desired;
      },
      onMade: () => {
        madeAt = performance.now();
      },
    });
    this.#pass = pass;
    if (pass === undefined) return;
    if (pass.steps.length > 0) this.#tools.end();
    this.#competing = await this.#gate.competing(this.#settings.network.exclusive);
    this.#passed(pass, nodes, { begun, madeAt, trigger });
    this.#redialFrom(pass.desired.networks[0]?.underlay);
    this.#hooks.onReady();
    // Pods may start only now that the way to them exists.
    const { networks, podMtu: mtu } = pass.desired;
    const { backend } = this.#network;
    const announced = { backend, networks, refused: this.#refused };
    const why = pass.lacking ?? this.#hooks.whyBroken();
    const podCidrs = pass.podCidrs.map(({ text }) => text);
    if (why !== undefined) await this.#gate.close(own, announced, why);
    else await this.#gate.open(own, announced, { podCidrs, mtu });
  }

  #passed(pass: Pass, nodes: ReadonlyMap<string, NodeFacts>, { begun, madeAt, trigger }: PassRun): void {
    const ms = performance.now() - begun;
    const madeMs = madeAt - begun;
    const { nodeName, backend } = this.#network;
    const facts = passFacts(pass, backend);
    let wanted = 0;
    for (const { name, podCidrs } of nodes.values())
      if (name !== nodeName && podCidrs.length > 0) wanted += 1;
    this.#hooks.record.passed(facts, wanted, { ms, trigger });
    this.#hooks.onPass(facts);
    this.#passLog.tell(facts, { ms, madeMs, refused: this.#refused, competing: this.#competing });
  }

  /** What `kadm network set` asks this node for. A backend by which a peer would be lost is not taken. */
  async #adoptBackend(own: NodeFacts, nodes: ReadonlyMap<string, NodeFacts>): Promise<void> {
    this.#refused = undefined;
    const parsed = backendSchema.safeParse(own.annotations[ANNOTATION.backendWanted]);
    if (!parsed.success || parsed.data === this.#network.backend) return;
    const backend: Backend = parsed.data;
    const pass = await look(this.#host, { ...this.#network, backend }, nodes, { claims: this.#watch.claims });
    const lost = pass?.refusals.find(({ kind }) => kind === 'unreachable');
    if (lost !== undefined) {
      this.#refused = `${backend}: Node ${lost.node} would be lost: ${lost.reason}`;
      return;
    }
    await keepBackend(this.#host, this.#settings.file, backend);
    this.#log('info', 'another backend', { service: this.name, before: this.#network.backend, backend });
    this.#network = { ...this.#network, backend };
    this.#pass = undefined;
  }

  /** Connections from an address that is gone would be waited for until they time out. */
  #redialFrom(underlay: Underlay | undefined): void {
    const before = this.#underlay;
    this.#underlay = underlay;
    if (before === undefined || underlay === undefined || before.address === underlay.address) return;
    this.#log('warn', 'this node has another address', {
      service: this.name,
      before: before.address,
      address: underlay.address,
    });
    this.#watch.redial();
  }

  /** What works goes on working; when nothing helps, no new pod is given a network that is not there. */
  async #failed(error: unknown): Promise<void> {
    this.#failures += 1;
    this.#hooks.record.failed(messageOf(error));
    this.#log('error', messageOf(error), { service: this.name, failures: this.#failures });
    if (this.#failures !== FAILURES_UNTIL_CLOSED) return;
    const own = this.#watch.nodes?.get(this.#network.nodeName);
    await this.#gate.close(own, undefined, messageOf(error));
  }
}
