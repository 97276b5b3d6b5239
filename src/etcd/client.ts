import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { UserError } from '../errors.ts';
import type { Host } from '../host/host.ts';
import { detailOf } from '../kube/api-error.ts';
import { Transport } from '../kube/transport.ts';
import { PKI_DIRECTORY } from '../pki/plan.ts';

/** A list of members has some hundred bytes each. */
const MAX_BYTES = 1024 * 1024;
/** etcd's own bound of a request is 7 s; a change of members needs a round through all of them. */
const CALL_TIMEOUT_MS = 10_000;

/** Fields that hold nothing are left out of etcd's answers. */
const memberSchema = z.object({
  /** An unsigned number of 64 bits, in digits. */
  ID: z.string().regex(/^\d+$/),
  /** Empty until the member has started. */
  name: z.string().default(''),
  peerURLs: z.array(z.string()).default([]),
  clientURLs: z.array(z.string()).default([]),
  isLearner: z.boolean().default(false),
});

export type Member = z.infer<typeof memberSchema>;

const membersSchema = z.object({ members: z.array(memberSchema) });
const statusSchema = z.object({ leader: z.string().optional() });
const refusalSchema = z.object({ message: z.string().max(1000) });

export interface EtcdCredentials {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** etcd answered, and said no. */
export class EtcdError extends UserError {}

/** Said by a member for some seconds after it, or one of the others, has come back: nothing was changed. */
const NOT_YET = /unhealthy cluster/;
const NOT_YET_MS = 30_000;
const PAUSE_MS = 500;

/** As whom a control plane calls its etcd; undefined where it has no etcd of its own. */
export async function etcdCredentials(host: Host): Promise<EtcdCredentials | undefined> {
  const read = async (file: string): Promise<string | undefined> =>
    (await host.readFile(`${PKI_DIRECTORY}/etcd/${file}`))?.toString('utf8');
  const client = 'healthcheck-client';
  const [caPem, certPem, keyPem] = await Promise.all([
    read('ca.crt'),
    read(`${client}.crt`),
    read(`${client}.key`),
  ]);
  if (caPem === undefined || certPem === undefined || keyPem === undefined) return undefined;
  return { caPem, certPem, keyPem };
}

/**
 * Members of an etcd cluster, by the JSON that each of them speaks beside gRPC (etcd documentation, gRPC gateway).
 * Each call goes to the first of the endpoints that answers.
 */
export class EtcdClient {
  readonly #endpoints: readonly string[];
  readonly #credentials: EtcdCredentials;

  /** @param endpoints URLs for clients, such as https://10.0.0.1:2379 */
  constructor(endpoints: readonly string[], credentials: EtcdCredentials) {
    this.#endpoints = endpoints;
    this.#credentials = credentials;
  }

  /** @param sure asks the quorum; else it is what one member knows, which it tells without a quorum too */
  async members({ sure = false } = {}): Promise<Member[]> {
    return (await this.#call('cluster/member/list', { linearizable: sure }, membersSchema)).members;
  }

  /** A learner has all data and no vote: one that never starts costs nobody the quorum. @returns all members */
  async addLearner(peerURL: string): Promise<Member[]> {
    const asked = { peerURLs: [peerURL], isLearner: true };
    return (await this.#change('cluster/member/add', asked, membersSchema)).members;
  }

  async promote(id: string): Promise<void> {
    await this.#call('cluster/member/promote', { ID: id }, z.unknown());
  }

  async remove(id: string): Promise<void> {
    await this.#change('cluster/member/remove', { ID: id }, z.unknown());
  }

  /** Whether one member answers and knows a leader; without one it serves nobody. */
  async isWell(member: Pick<Member, 'clientURLs'>): Promise<boolean> {
    try {
      const { leader } = await callFirst(
        member.clientURLs,
        this.#credentials,
        ['maintenance/status', {}],
        statusSchema,
      );
      return leader !== undefined && leader !== '0';
    } catch {
      return false;
    }
  }

  async #change<T>(method: string, body: object, schema: z.ZodType<T>): Promise<T> {
    const end = performance.now() + NOT_YET_MS;
    for (;;) {
      try {
        return await this.#call(method, body, schema);
      } catch (error) {
        const notYet = error instanceof EtcdError && NOT_YET.test(error.message);
        if (!notYet || performance.now() > end) throw error;
        await sleep(PAUSE_MS);
      }
    }
  }

  async #call<T>(method: string, body: object, schema: z.ZodType<T>): Promise<T> {
    return await callFirst(this.#endpoints, this.#credentials, [method, body], schema);
  }
}

async function callFirst<T>(
  endpoints: readonly string[],
  credentials: EtcdCredentials,
  [method, body]: readonly [method: string, body: object],
  schema: z.ZodType<T>,
): Promise<T> {
  let refused: EtcdError | undefined;
  let unreached = 'no address of a member is known';
  for (const server of endpoints) {
    const transport = new Transport({ server, ...credentials }, MAX_BYTES);
    try {
      const call = { method: 'POST', path: `/v3/${method}`, body } as const;
      const { status, text } = await transport.exchange(call, CALL_TIMEOUT_MS);
      if (status === 200) return schema.parse(JSON.parse(text));
      refused ??= refusal(server, method, status, text);
    } catch (error) {
      unreached = detailOf(error);
    } finally {
      transport.close();
    }
  }
  throw (
    refused ??
    new UserError(`etcd cannot be reached: ${unreached}`, {
      remedy: 'see on the control planes that it runs: their logs are in /var/log/pods',
    })
  );
}

function refusal(server: string, method: string, status: number, text: string): EtcdError {
  let said = `status ${status}`;
  try {
    said = refusalSchema.parse(JSON.parse(text)).message;
  } catch {
    // Not etcd's own answer.
  }
  return new EtcdError(`etcd at ${server}, ${method}: ${said}`);
}
