/** What the phases of `lab down` work on. */
export interface DownContext {
  readonly name: string;
  /** What could not be removed, in words; nothing is removed from under any of it. */
  readonly left: string[];
}
