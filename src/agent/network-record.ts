import type { StepKind } from '../cni/diff.ts';
import type { PassFacts } from './pass-facts.ts';

/** Upper bounds in seconds of the classes that reconciliations are counted in. */
export const DURATION_BOUNDS: readonly number[] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface Repair {
  readonly at: string;
  /** What made the agent look. */
  readonly trigger: string;
  readonly steps: number;
  readonly kinds: Readonly<Partial<Record<StepKind, number>>>;
  readonly shown: readonly string[];
}

/** What the network's loop has done since the agent started: for people (status) and for Prometheus (metrics). */
export class NetworkRecord {
  readonly repairs: Partial<Record<StepKind, number>> = {};
  /** Reconciliations by class of DURATION_BOUNDS; the last class has no bound. */
  readonly durations: number[] = DURATION_BOUNDS.map(() => 0).concat(0);
  durationSum = 0;
  failures = 0;
  lastFailure: { readonly at: string; readonly message: string } | undefined;
  lastRepair: Repair | undefined;
  facts: PassFacts | undefined;
  /** Other Nodes that have a pod CIDR. */
  peersWanted = 0;

  passed(facts: PassFacts, peersWanted: number, { ms, trigger }: { ms: number; trigger: string }): void {
    this.facts = facts;
    this.peersWanted = peersWanted;
    const seconds = ms / 1000;
    const index = DURATION_BOUNDS.findIndex((bound) => seconds <= bound);
    const at = index === -1 ? DURATION_BOUNDS.length : index;
    this.durations[at] = (this.durations[at] ?? 0) + 1;
    this.durationSum += seconds;
    const kinds = Object.entries(facts.repaired) as [StepKind, number][];
    if (kinds.length === 0) return;
    for (const [kind, count] of kinds) this.repairs[kind] = (this.repairs[kind] ?? 0) + count;
    this.lastRepair = {
      at: new Date().toISOString(),
      trigger,
      steps: kinds.reduce((sum, [, count]) => sum + count, 0),
      kinds: facts.repaired,
      shown: facts.shown,
    };
  }

  failed(message: string): void {
    this.failures += 1;
    this.lastFailure = { at: new Date().toISOString(), message };
  }
}
