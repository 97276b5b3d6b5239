import type { Lab } from '../lab.ts';
import type { LabRecord } from '../record.ts';

/** What the phases of `lab up` work on. */
export interface UpContext {
  readonly record: LabRecord;
  readonly lab: Lab;
  readonly cacheDirectory: string;
}
