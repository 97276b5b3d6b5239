import type { Host } from '../host/host.ts';
import type { Ledger } from '../phases/ledger.ts';
import type { Renewal } from './plan.ts';

/** What the phases of a renewal share. */
export interface RenewContext {
  readonly host: Host;
  readonly ledger: Ledger;
  readonly renewals: readonly Renewal[];
  /** How long each component may take until it is healthy again, in milliseconds. */
  readonly timeoutMs: number;
  /** Undefined while the API server is well, or was not before the renewal. */
  readonly apiServer: () => Promise<string | undefined>;
}
