import { CNI_DIRECTORY } from '../cni/conflist.ts';
import type { Log } from './log.ts';
import type { PassFacts } from './pass-facts.ts';

/** What is told of a pass beside what it found itself. */
export interface PassContext {
  readonly ms: number;
  /** Of them those until the kernel had everything; what comes after is to see that it has. */
  readonly madeMs: number;
  /** Why this node has not the backend that it is wanted to have. */
  readonly refused: string | undefined;
  /** CNI configurations that the runtime takes in place of ours. */
  readonly competing: readonly string[];
}

/** Tells in the log what passes did, and what is not as it should be. */
export class PassLog {
  readonly #service: string;
  readonly #log: Log;
  /** What was warned of last: said again only when it changes. */
  #warned = '';

  constructor(service: string, log: Log) {
    this.#service = service;
    this.#log = log;
  }

  tell(facts: PassFacts, { ms, madeMs, refused, competing }: PassContext): void {
    const { backend, repaired, shown, conflicts, warnings: changes, refusals, peerNodes: peers } = facts;
    const steps = Object.values(repaired).reduce((sum, count) => sum + count, 0);
    if (steps > 0) {
      const took = { peers, steps, ms: Math.round(ms), madeMs: Math.round(madeMs), shown };
      this.#log('info', 'brought up to date', { service: this.#service, ...took });
    }
    const warnings = [
      ...changes,
      ...conflicts,
      ...(refused === undefined ? [] : [`the backend stays ${backend}; ${refused}`]),
      ...competing.map((name) => `${CNI_DIRECTORY}/${name} comes before ours: new pods get that network`),
      ...refusals.map(({ node, reason }) => `Node ${node} is left out: ${reason}`),
    ];
    const text = warnings.join('\n');
    if (text !== this.#warned)
      for (const warning of warnings) this.#log('warn', warning, { service: this.#service });
    this.#warned = text;
  }
}
