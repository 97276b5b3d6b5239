export interface BackoffLimits {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * The pause before try number `attempt` (from 0): doubled each time up to a bound, and spread over its upper
 * half so that many nodes that lost one API server do not come back in step.
 * @param random from 0 to 1
 */
export function backoffMs(attempt: number, limits: BackoffLimits, random: number): number {
  const full = Math.min(limits.maxMs, limits.firstMs * 2 ** attempt);
  return full / 2 + (full / 2) * random;
}
