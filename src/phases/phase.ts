import type { Emit } from './events.ts';

/** What one phase gets besides its verb's own context. */
export interface Step {
  readonly signal: AbortSignal;
  /** Shows what the phase is doing right now. */
  progress(message: string): void;
  warn(message: string): void;
  /** Said beside the phase's name once it has finished. */
  note(message: string): void;
  /** For a phase that runs steps of its own: events with paths below this phase. */
  readonly emit: Emit;
  /** Of the phase's parts those to do, in their order: all, unless some were named or left out. */
  readonly parts: readonly string[];
}

/**
 * One step of a verb. The table of phases is what help texts, --skip-phases, `phase ID`, the progress tree
 * and the event stream come from. A phase must be safe to repeat: a run that was cut short starts again.
 */
export interface Phase<Context> {
  readonly id: string;
  readonly title: string;
  /** What of it can be done, or left out, by itself: `certs ca`, `certs/ca`. */
  readonly parts?: readonly string[];
  /** Ids of phases that must have finished, or been skipped, before this one starts. */
  readonly needs: readonly string[];
  /** The reason why there is nothing to do, if so. */
  skip?(context: Context): string | undefined;
  /** Where it is false the phase is left out without a word: most runs have nothing to do with it. */
  concerns?(context: Context): boolean;
  run(context: Context, step: Step): Promise<void>;
}
