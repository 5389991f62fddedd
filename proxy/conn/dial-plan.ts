import type { Retries } from '../../api/snapshot.ts';

/** How hard to try for a connection. */
export interface DialLimits {
  /** Each try ends after this long. */
  readonly connectMs: number;
  /** No answer by then: also try another endpoint. Absent: never. */
  readonly hedgeDelayMs: number | undefined;
  /**
   * Further tries after ones that failed; a hedge is none of them. 0: only where they cost nothing (`usesUpRetry`);
   * undefined: not even there.
   */
  readonly retries: number | undefined;
}

/**
 * Connections that may be tried after ones that failed: nothing was sent on them, so the method does not matter, and
 * they cost no budget. Undefined: the pool wants none.
 */
export function furtherConnects(retries: number, { retryOn, attempts }: Retries): number | undefined {
  if (attempts === 0 || !retryOn.includes('ConnectFailure')) return undefined;
  return Math.max(0, attempts - retries);
}

/** How it stands with a connection that is wanted. */
export interface DialProgress {
  /** Tries that have not been answered. */
  readonly pending: number;
  /** Failed tries that have used up a retry each. */
  readonly failures: number;
  readonly hedged: boolean;
}

/**
 * What a failed try is followed by. Nothing has been sent, so another try is always safe; it does not wait for one
 * that is still pending, which has been slow already.
 */
export function afterFailedTry(
  { pending, failures }: DialProgress,
  { retries = -1 }: DialLimits,
): 'try-next' | 'wait' | 'give-up' {
  if (failures <= retries) return 'try-next';
  return pending > 0 ? 'wait' : 'give-up';
}

/** Refusals after which a connection is not sought for free any longer. */
const MAX_FREE_REFUSALS = 32;

/**
 * Does a failed try use up one of the retries? Not a refusal while an untried endpoint is left: it is answered at
 * once, costs nobody anything, and takes the endpoint that is down out for everybody, so that even when half of them
 * have died nobody need notice.
 */
export function usesUpRetry(failure: {
  readonly refused: boolean;
  readonly nextIsUntried: boolean;
  readonly freeRefusals: number;
}): boolean {
  return !failure.refused || !failure.nextIsUntried || failure.freeRefusals >= MAX_FREE_REFUSALS;
}

/** Is a second endpoint to be tried beside the one that is slow? Once, so that at most two are pending. */
export function hedges({ pending, hedged }: DialProgress): boolean {
  return pending === 1 && !hedged;
}
