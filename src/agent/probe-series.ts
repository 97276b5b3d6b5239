/** Outcomes that loss and round trip are computed over: at one every 10 s some three minutes. */
const WINDOW = 20;

export type ProbeSize = 'small' | 'full';
export const PROBE_SIZES: readonly ProbeSize[] = ['small', 'full'];

export interface ProbeSummary {
  /** Probes that this is about, 20 at most. */
  readonly sent: number;
  /** Part of them without an answer, from 0 to 1. */
  readonly loss: number;
  /** Milliseconds of the last answered one; absent when none was. */
  readonly lastMs?: number;
  readonly averageMs?: number;
  /** Lost in a row, up to now. */
  readonly lostInRow: number;
}

/** The latest probes of one size to one peer. */
export class ProbeSeries {
  #outcomes: (number | undefined)[] = [];
  #lostInRow = 0;
  #answered = false;

  /** @param rttMs round trip in milliseconds, undefined for a lost one */
  add(rttMs: number | undefined): void {
    this.#outcomes = [...this.#outcomes.slice(1 - WINDOW), rttMs];
    this.#lostInRow = rttMs === undefined ? this.#lostInRow + 1 : 0;
    this.#answered ||= rttMs !== undefined;
  }

  /** Whether this peer has ever answered: the way to it is then known to work. */
  get answered(): boolean {
    return this.#answered;
  }

  get lostInRow(): number {
    return this.#lostInRow;
  }

  get summary(): ProbeSummary {
    const times = this.#outcomes.filter((one) => one !== undefined);
    const last = times.at(-1);
    const sum = times.reduce((total, one) => total + one, 0);
    return {
      sent: this.#outcomes.length,
      loss: this.#outcomes.length === 0 ? 0 : 1 - times.length / this.#outcomes.length,
      ...(last === undefined ? {} : { lastMs: last, averageMs: sum / times.length }),
      lostInRow: this.#lostInRow,
    };
  }
}
