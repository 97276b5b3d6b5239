import type { Host } from '../host/host.ts';
import type { Ledger } from '../phases/ledger.ts';

export interface ResetContext {
  readonly host: Host;
  readonly ledger: Ledger;
}
