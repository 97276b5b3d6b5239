import { setTimeout as sleep } from 'node:timers/promises';
import { describeStep } from '../cni/apply.ts';
import { removeConflist, writeConflist } from '../cni/conflist.ts';
import type { VxlanLink } from '../cni/desired.ts';
import { type NodeFacts, nodeFacts } from '../cni/node-facts.ts';
import { type NodeNetwork, type Pass, reconcile } from '../cni/reconcile.ts';
import { vxlanDevice } from '../cni/vtep.ts';
import { messageOf } from '../errors.ts';
import { exists, type Host } from '../host/host.ts';
import type { KubeClient } from '../kube/client.ts';
import { Informer, type Listed } from '../kube/informer.ts';
import { announce, type NetworkState } from './announcement.ts';
import { kernelEvents } from './kernel-events.ts';
import type { Log } from './log.ts';
import type { Service } from './service.ts';
import { type AgentSettings, networkOf } from './settings.ts';
import { Wake } from './wake.ts';

/** Everything is compared again after this time, whether or not something was heard of. */
const PERIOD_MS = 30_000;
/** Changes that come together are dealt with together. */
const DEBOUNCE_MS = 50;
const RETRY_MS = 1_000;
/** One failure may be a moment's; after so many in a row no pod is to start here any more. */
const FAILURES_UNTIL_CLOSED = 3;
/** Steps named in the log, of one repair. */
const SHOWN_STEPS = 5;

export interface NetworkHooks {
  /** Called after each comparison that found everything in place, or put it there. */
  readonly onReady: () => void;
  /** Called whenever the loop comes round: that it does not is what the watchdog looks for. */
  readonly onTurn: () => void;
}

/** Brings this node into the pod network and keeps it there. Ending it leaves the network as it is. */
export class NetworkService implements Service {
  readonly name = 'network';
  readonly #network: NodeNetwork;
  readonly #client: KubeClient;
  readonly #host: Host;
  readonly #log: Log;
  readonly #hooks: NetworkHooks;
  readonly #wake = new Wake();
  #nodes: ReadonlyMap<string, NodeFacts> | undefined;
  #failures = 0;
  #announced = true;
  /** What was warned of last: said again only when it changes. */
  #warned = '';

  constructor(settings: AgentSettings, client: KubeClient, host: Host, log: Log, hooks: NetworkHooks) {
    this.#network = networkOf(settings);
    this.#client = client;
    this.#host = host;
    this.#log = log;
    this.#hooks = hooks;
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#closeAfterBoot();
    const { nodeName } = this.#network;
    const informer = new Informer<Listed, NodeFacts>(this.#client, {
      path: '/api/v1/nodes',
      select: (node) => nodeFacts(node, nodeName),
      onChange: () => {
        this.#nodes = informer.items;
        this.#wake.now();
      },
      onTrouble: (message) => this.#log('warn', message, { service: this.name }),
      backoff: { firstMs: 100, maxMs: 10_000 },
    });
    // One of these ending, or failing, ends the others, and the service is started again.
    const stop = new AbortController();
    const all = AbortSignal.any([signal, stop.signal]);
    try {
      await Promise.race([
        informer.start(all),
        kernelEvents(this.#network, all, () => this.#wake.now()),
        this.#reconcileForEver(all),
      ]);
    } finally {
      stop.abort();
    }
  }

  /** The configuration outlives a reboot, the tunnel does not: until it is back no pod is to start. */
  async #closeAfterBoot(): Promise<void> {
    if (await exists(`/sys/class/net/${vxlanDevice(this.#network.vni)}`)) return;
    await removeConflist(this.#host);
  }

  async #reconcileForEver(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#wake.wait(this.#failures === 0 && this.#announced ? PERIOD_MS : RETRY_MS, signal);
      if (signal.aborted) return;
      this.#hooks.onTurn();
      try {
        await this.#reconcileOnce();
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        await this.#failed(error);
      }
      await sleep(DEBOUNCE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #reconcileOnce(): Promise<void> {
    const nodes = this.#nodes;
    const own = nodes?.get(this.#network.nodeName);
    if (nodes === undefined || own === undefined) return;
    const pass = await reconcile(this.#host, this.#network, nodes);
    if (pass === undefined) return;
    this.#tell(pass);
    // Pods may start only now that the way to them exists.
    const { mtu } = pass.desired.link;
    if (await writeConflist(this.#host, { podCidrs: [pass.podCidr.text], mtu })) {
      this.#log('info', 'pods may start', { service: this.name, podCidr: pass.podCidr.text, mtu });
    }
    this.#hooks.onReady();
    await this.#announce(own, pass.desired.link, { ready: true });
  }

  /** An API that is away says nothing about the network: its failure is told, tried again, and not counted. */
  async #announce(own: NodeFacts, link: VxlanLink | undefined, state: NetworkState): Promise<void> {
    try {
      await announce(this.#client, own, link, state);
      this.#announced = true;
    } catch (error) {
      this.#announced = false;
      this.#log('warn', `not announced: ${messageOf(error)}`, { service: this.name });
    }
  }

  #tell({ steps, conflicts, refusals, peers }: Pass): void {
    if (steps.length > 0) {
      const shown = steps
        .slice(0, SHOWN_STEPS)
        .map((step) => `${step.tool} ${step.tool === 'nft' ? 'table' : describeStep(step)}`);
      this.#log('info', 'brought up to date', { service: this.name, peers, steps: steps.length, shown });
    }
    const warnings = [
      ...conflicts,
      ...refusals.map(({ node, reason }) => `Node ${node} is left out: ${reason}`),
    ];
    const text = warnings.join('\n');
    if (text !== this.#warned)
      for (const warning of warnings) this.#log('warn', warning, { service: this.name });
    this.#warned = text;
  }

  /** What works goes on working; when nothing helps, no new pod is given a network that is not there. */
  async #failed(error: unknown): Promise<void> {
    this.#failures += 1;
    this.#log('error', messageOf(error), { service: this.name, failures: this.#failures });
    if (this.#failures !== FAILURES_UNTIL_CLOSED) return;
    await removeConflist(this.#host);
    const own = this.#nodes?.get(this.#network.nodeName);
    if (own === undefined) return;
    await this.#announce(own, undefined, { ready: false, why: messageOf(error) });
  }
}
