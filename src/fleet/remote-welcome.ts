import { PassThrough, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { artifactSchema } from '../components/store.ts';
import { certificateKeySchema } from '../config/fields.ts';
import { messageOf, UserError } from '../errors.ts';
import type { Emit } from '../phases/events.ts';
import { withHeartbeat } from './heartbeat.ts';
import { type ClusterNode, clusterNodeSchema, type NodeMarks, nodeMarksSchema } from './nodes.ts';
import type { ClusterPin, ComponentOffer, Reception } from './reception.ts';
import type { HostSession } from './run-verb.ts';

const question = z.union([
  z.strictObject({
    open: z.strictObject({
      /** Configuration documents of the master. */
      config: z.string(),
      kubernetesVersion: z.string(),
      makesControlPlane: z.boolean(),
      /** An address that the workers have: where they reach the master follows from it. */
      towards: z.string(),
    }),
  }),
  z.strictObject({ admit: z.string() }),
  z.strictObject({ expect: z.string() }),
  z.strictObject({ uploadCertificates: certificateKeySchema }),
  z.strictObject({ nodes: z.literal('list') }),
  z.strictObject({ mark: nodeMarksSchema }),
  z.strictObject({ drain: z.string() }),
  z.strictObject({ forget: z.string() }),
  z.strictObject({ probe: z.string() }),
]);

/**
 * What `kadm welcome` reads: one line of JSON each, the first one `open`; the end of its input ends it. Each answer
 * has the number of its request, and may come before those of earlier ones.
 */
export const welcomeRequest = z.strictObject({ id: z.number().int(), ask: question });

export type WelcomeQuestion = z.infer<typeof question>;
export type WelcomeOpen = Extract<WelcomeQuestion, { open: unknown }>['open'];

/** As long as workers join; those of one command may come in many rounds. */
const LONGEST_MS = 24 * 3_600_000;

/** Longer than anything that it is asked for may take. */
const ANSWER_TIMEOUT_MS = 10 * 60_000;
const END_TIMEOUT_MS = 60_000;

const answer = z.union([
  z.object({
    offer: z.object({
      kubernetesVersion: z.string(),
      url: z.url({ protocol: /^http$/ }),
      artifacts: z.array(artifactSchema),
    }),
  }),
  z.object({ pin: z.object({ endpoint: z.string(), caCertHash: z.string() }) }),
  z.object({ nodes: z.array(clusterNodeSchema).max(10_000) }),
  z.object({ problems: z.array(z.string().max(1000)).max(10) }),
  z.object({ done: z.literal(true) }),
  /** A request that could not be met; the next one may be. */
  z.object({ refused: z.string(), remedy: z.string().optional() }),
]);

const numbered = z.object({ id: z.number().int(), answer });

type Answer = z.infer<typeof answer>;

/** The reception of another host: `kadm welcome` runs there for as long as this lives. */
export class RemoteWelcome implements Reception {
  readonly #requests = new PassThrough();
  readonly #ended: Promise<unknown>;
  #offer: ComponentOffer | undefined;
  readonly #open = new Map<number, PromiseWithResolvers<Answer>>();
  #next = 1;
  #closing = false;
  #over: unknown;

  private constructor(session: HostSession, emit: Emit) {
    this.#ended = session.run({
      argv: ['welcome'],
      input: Readable.from(withHeartbeat(this.#requests.setEncoding('utf8'))),
      timeoutMs: LONGEST_MS,
      emit: (event) => {
        if (event.type === 'result') this.#take(event.result);
        else if (event.type === 'progress') emit(event);
      },
    });
    this.#ended.then(
      () => this.#fail(gone()),
      (error: unknown) => {
        // Before it is open, and at the end, whoever asks is told.
        if (this.#offer !== undefined && !this.#closing) {
          const message = `${messageOf(error)}; hosts that know the cluster go on joining it`;
          emit({ type: 'warning', path: [], message });
        }
        this.#fail(error);
      },
    );
  }

  /** @param emit hears what is waited for there */
  static async open(session: HostSession, open: WelcomeOpen, emit: Emit): Promise<RemoteWelcome> {
    const welcome = new RemoteWelcome(session, emit);
    const answered = await welcome.#ask({ open });
    if (!('offer' in answered)) throw unexpected();
    welcome.#offer = answered.offer;
    return welcome;
  }

  get offer(): ComponentOffer {
    if (this.#offer === undefined) throw new Error('not open yet');
    return this.#offer;
  }

  async admit(token: string): Promise<ClusterPin> {
    const answered = await this.#ask({ admit: token });
    if (!('pin' in answered)) throw unexpected();
    return answered.pin;
  }

  async expect(token: string): Promise<void> {
    await this.#ask({ expect: token });
  }

  async uploadCertificates(key: string): Promise<void> {
    await this.#ask({ uploadCertificates: key });
  }

  async nodes(): Promise<ClusterNode[]> {
    const answered = await this.#ask({ nodes: 'list' });
    if (!('nodes' in answered)) throw unexpected();
    return answered.nodes;
  }

  async mark(marks: NodeMarks): Promise<void> {
    await this.#ask({ mark: marks });
  }

  async drain(node: string): Promise<void> {
    await this.#ask({ drain: node });
  }

  async forget(node: string): Promise<void> {
    await this.#ask({ forget: node });
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#requests.end();
    await inTime(
      this.#ended,
      END_TIMEOUT_MS,
      `\`kadm welcome\` has not ended within ${END_TIMEOUT_MS / 1000} s`,
    );
  }

  async probe(node: string): Promise<string[]> {
    const answered = await this.#ask({ probe: node });
    if (!('problems' in answered)) throw unexpected();
    return answered.problems;
  }

  async #ask(ask: WelcomeQuestion): Promise<Answer> {
    if (this.#over !== undefined) throw this.#over;
    const id = this.#next;
    this.#next += 1;
    const open = Promise.withResolvers<Answer>();
    this.#open.set(id, open);
    this.#requests.write(`${JSON.stringify({ id, ask })}\n`);
    const late = `\`kadm welcome\` has not answered within ${ANSWER_TIMEOUT_MS / 60_000} minutes`;
    const answered = await inTime(open.promise, ANSWER_TIMEOUT_MS, late);
    if (!('refused' in answered)) return answered;
    const { refused, remedy } = answered;
    throw new UserError(refused, remedy === undefined ? {} : { remedy });
  }

  #take(result: Record<string, unknown>): void {
    const parsed = numbered.safeParse(result);
    if (!parsed.success) {
      this.#fail(unexpected());
      return;
    }
    const { id, answer: given } = parsed.data;
    this.#open.get(id)?.resolve(given);
    this.#open.delete(id);
  }

  /** Nobody is left waiting. */
  #fail(error: unknown): void {
    this.#over ??= error;
    for (const open of this.#open.values()) open.reject(error);
    this.#open.clear();
  }
}

/** @throws UserError with these words when it does not come in time */
async function inTime<T>(coming: Promise<T>, timeoutMs: number, late: string): Promise<T> {
  const enough = new AbortController();
  const over = sleep(timeoutMs, undefined, { signal: enough.signal }).then(() => {
    throw new UserError(late);
  });
  over.catch(() => {});
  try {
    return await Promise.race([coming, over]);
  } finally {
    enough.abort();
  }
}

function unexpected(): Error {
  return new Error('`kadm welcome` answered something else than it was asked');
}

function gone(): Error {
  return new Error('`kadm welcome` has ended');
}
