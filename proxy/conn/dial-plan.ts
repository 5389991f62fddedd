/** How hard to try for a connection. */
export interface DialLimits {
  /** Each try ends after this long. */
  readonly connectMs: number;
  /** No answer by then: also try another endpoint. Absent: never. */
  readonly hedgeDelayMs: number | undefined;
  /** Further tries after ones that failed; a hedge is none of them. */
  readonly retries: number;
}

/** How it stands with a connection that is wanted. */
export interface DialProgress {
  /** Tries that have not been answered. */
  readonly pending: number;
  /** Tries that have failed. */
  readonly failures: number;
  readonly hedged: boolean;
}

/**
 * What a failed try is followed by. Nothing has been sent, so another try is always safe; it does not wait for one
 * that is still pending, which has been slow already.
 */
export function afterFailedTry(
  { pending, failures }: DialProgress,
  { retries }: DialLimits,
): 'try-next' | 'wait' | 'give-up' {
  if (failures <= retries) return 'try-next';
  return pending > 0 ? 'wait' : 'give-up';
}

/** Is a second endpoint to be tried beside the one that is slow? Once, so that at most two are pending. */
export function hedges({ pending, hedged }: DialProgress): boolean {
  return pending === 1 && !hedged;
}
