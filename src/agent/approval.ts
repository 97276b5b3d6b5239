import { messageOf } from '../errors.ts';
import { ApiError, type KubeClient } from '../kube/client.ts';
import { Informer } from '../kube/informer.ts';
import { CSR_PATH, type SigningRequest } from '../kube/signing.ts';
import type { Log } from './log.ts';
import type { Service } from './service.ts';
import { isPending, SIGNER, whyNotApproved } from './signing-request.ts';

/** On control planes: approves the certificates of agents, and leaves every other request to others. */
export class ApprovalService implements Service {
  readonly name = 'approval';
  readonly #client: KubeClient;
  readonly #log: Log;

  constructor(client: KubeClient, log: Log) {
    this.#client = client;
    this.#log = log;
  }

  async start(signal: AbortSignal): Promise<void> {
    const informer = new Informer<SigningRequest, SigningRequest>(this.#client, {
      path: CSR_PATH,
      query: { fieldSelector: `spec.signerName=${SIGNER}` },
      select: (request) => (isPending(request) ? request : undefined),
      onChange: (change) => {
        if (change.type === 'synced') for (const request of change.items.values()) this.#decide(request);
        if (change.type === 'set') this.#decide(change.item);
      },
      onTrouble: (message) => this.#log('warn', message, { service: this.name }),
    });
    await informer.start(signal);
  }

  #decide(request: SigningRequest): void {
    const reason = whyNotApproved(request);
    const fields = { service: this.name, request: request.metadata.name, user: request.spec.username };
    if (reason !== undefined) {
      this.#log('warn', `left pending: ${reason}`, fields);
      return;
    }
    this.#approve(request.metadata.name).then(
      (approved) => this.#log('info', approved ? 'approved' : 'decided by somebody else', fields),
      (error: unknown) => this.#log('error', messageOf(error), fields),
    );
  }

  /** False when somebody else, such as another control plane, was faster. */
  async #approve(name: string): Promise<boolean> {
    const path = `${CSR_PATH}/${encodeURIComponent(name)}`;
    // Approval replaces the whole object, of which only a part was kept; spec is immutable, and looked at again.
    const present = await this.#client.find<SigningRequest>(path);
    if (present === undefined || !isPending(present) || whyNotApproved(present) !== undefined) return false;
    const condition = {
      type: 'Approved',
      status: 'True',
      reason: 'AgentOfItsNode',
      message: 'kadm approves the agent of the node that asks',
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
