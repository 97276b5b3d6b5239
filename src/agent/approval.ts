import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import { ApiError, type KubeClient } from '../kube/client.ts';
import { Informer } from '../kube/informer.ts';
import { CSR_PATH, type SigningRequest } from '../kube/signing.ts';
import type { Log } from './log.ts';
import type { Service } from './service.ts';
import type { AgentSettings } from './settings.ts';
import { type ClusterFacts, isPending, type KnownNode, whyNotApproved } from './signing-request.ts';
import { Wake } from './wake.ts';

/** Requests that come together, as when many nodes join, are decided with one look at the Nodes. */
const DEBOUNCE_MS = 20;
/**
 * A kubelet asks before its Node tells its addresses, a host that is set up anew before its Node is NotReady: what
 * is pending is looked at again.
 */
const AGAIN_MS = 1_000;
const AGAIN_LATER_MS = 30_000;
/** Looked at every second this often, then every 30 s. */
const EARLY_LOOKS = 30;

/** On control planes: approves the certificates of nodes and their agents that are asked for as they should be. */
export class ApprovalService implements Service {
  readonly name = 'approval';
  readonly #settings: AgentSettings;
  readonly #client: KubeClient;
  readonly #log: Log;
  readonly #wake = new Wake();
  /** Why each request that is left pending is; said once, and again when it changes. */
  readonly #left = new Map<string, string>();
  #looks = 0;

  constructor(settings: AgentSettings, client: KubeClient, log: Log) {
    this.#settings = settings;
    this.#client = client;
    this.#log = log;
  }

  async start(signal: AbortSignal): Promise<void> {
    const informer = new Informer<SigningRequest, SigningRequest>(this.#client, {
      path: CSR_PATH,
      select: (request) => (isPending(request) ? request : undefined),
      onChange: () => {
        this.#looks = 0;
        this.#wake.now();
      },
      onTrouble: (message) => this.#log('warn', message, { service: this.name }),
    });
    const stop = new AbortController();
    const all = AbortSignal.any([signal, stop.signal]);
    try {
      await Promise.race([informer.start(all), this.#decideForEver(informer, all)]);
    } finally {
      stop.abort();
    }
  }

  async #decideForEver(
    informer: { readonly items: ReadonlyMap<string, SigningRequest> },
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      const pause = this.#looks < EARLY_LOOKS ? AGAIN_MS : AGAIN_LATER_MS;
      await this.#wake.wait(informer.items.size === 0 ? AGAIN_LATER_MS : pause, signal);
      await sleep(DEBOUNCE_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      this.#looks += 1;
      try {
        await this.#decide([...informer.items.values()]);
      } catch (error) {
        if (!signal.aborted) this.#log('warn', messageOf(error), { service: this.name });
      }
    }
  }

  async #decide(requests: readonly SigningRequest[]): Promise<void> {
    const names = new Set(requests.map(({ metadata }) => metadata.name));
    for (const name of this.#left.keys()) if (!names.has(name)) this.#left.delete(name);
    if (requests.length === 0) return;
    const facts = await readFacts(this.#client, this.#settings);
    await Promise.all(requests.map(async (request) => await this.#decideOne(request, facts)));
  }

  async #decideOne(request: SigningRequest, facts: ClusterFacts): Promise<void> {
    const { name } = request.metadata;
    const fields = { service: this.name, request: name, user: request.spec.username };
    const reason = whyNotApproved(request, facts);
    if (reason !== undefined) {
      if (this.#left.get(name) !== reason) this.#log('warn', `left pending: ${reason}`, fields);
      this.#left.set(name, reason);
      return;
    }
    try {
      const approved = await this.#approve(name, facts);
      this.#log('info', approved ? 'approved' : 'decided by somebody else', fields);
    } catch (error) {
      this.#log('error', messageOf(error), fields);
    }
  }

  /** False when somebody else, such as another control plane, was faster. */
  async #approve(name: string, facts: ClusterFacts): Promise<boolean> {
    const path = `${CSR_PATH}/${encodeURIComponent(name)}`;
    // Approval replaces the whole object; spec is immutable, but what bears this name now is looked at again.
    const present = await this.#client.find<SigningRequest>(path);
    if (present === undefined || !isPending(present) || whyNotApproved(present, facts) !== undefined)
      return false;
    const condition = {
      type: 'Approved',
      status: 'True',
      reason: 'AskedByItsOwner',
      message: 'kadm approves what nodes ask for themselves',
    };
    try {
      await this.#client.replace(`${path}/approval`, { ...present, status: { conditions: [condition] } });
      return true;
    } catch (error) {
      if (error instanceof ApiError && (error.status === 409 || error.status === 404)) return false;
      throw error;
    }
  }
}

interface Node {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly status?: {
    readonly addresses?: readonly { readonly address: string }[] | null;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[] | null;
  };
}

const CONTROL_PLANE_LABEL = 'node-role.kubernetes.io/control-plane';

/** Page by page, so that of many Nodes only what is needed stays in memory. */
async function readFacts(client: KubeClient, settings: AgentSettings): Promise<ClusterFacts> {
  const nodes: KnownNode[] = [];
  for await (const { items } of client.pages<Node>('/api/v1/nodes')) {
    for (const { metadata, status } of items) {
      nodes.push({
        name: metadata.name,
        ready: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false,
        controlPlane: metadata.labels?.[CONTROL_PLANE_LABEL] !== undefined,
        addresses: (status?.addresses ?? []).map(({ address }) => address),
      });
    }
  }
  return {
    nodes,
    otherNetworks: [...settings.podCidrs, ...settings.serviceCidrs],
    apiNames: [...settings.apiNames, new URL(settings.server).hostname.replace(/^\[|\]$/g, '')],
  };
}
